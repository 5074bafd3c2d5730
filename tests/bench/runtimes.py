"""Functions in Node.js and Python, and what idle environments cost."""
import base64
import io
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile

from common import Moonbase, Nginx, ServerlessOffline, alternate, check, check_least, load, pss_mb, show

INVOKE = "/2015-03-31/functions/{}/invocations"
LUA_HANDLER = {"index.lua": "function handler(event) return { id = event.id } end"}
NODE_HANDLER = "exports.handler = async (event) => ({ id: event.id });"


def call(moonbase, operation, given):
    request = urllib.request.Request(f"{moonbase.url}/_moonbase/call/lambda/{operation}", method="POST",
                                     data=json.dumps(given).encode())
    return json.loads(urllib.request.urlopen(request).read())


def create(moonbase, name, runtime, files, **more):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    call(moonbase, "CreateFunction", {"FunctionName": name, "Runtime": runtime, "Handler": "index.handler", "Timeout": 60,
                                      "Role": "arn:aws:iam::000000000000:role/bench",
                                      "Code": {"ZipFile": base64.b64encode(package.getvalue()).decode()}, **more})


def invoke(moonbase, name, event):
    answer = call(moonbase, "Invoke", {"FunctionName": name, "Payload": base64.b64encode(json.dumps(event).encode()).decode()})
    if "FunctionError" in answer:
        sys.exit(f"{name} failed: {base64.b64decode(answer['Payload'])}")


def timed_ms(work):
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def invoke_api(options):
    """Warm Invoke through the Lambda API; and how many events are taken durably."""
    nginx, moonbase = Nginx(options.peer), Moonbase(options.build, memory=False)
    try:
        create(moonbase, "bench", "lua", LUA_HANDLER)
        path = INVOKE.format("bench")
        medians = alternate({"nginx + Lua": (nginx, "/product/42?a=1", None), "Invoke": (moonbase, path, "invoke.lua")},
                            options.rounds, 64, options.seconds)
        show("Invoke of a Lua function through the Lambda API, 64 connections", medians, "nginx + Lua")
        os.environ["INVOCATION_TYPE"] = "Event"
        _, rate, _ = load(moonbase, path, 16, options.seconds, "invoke.lua")
        del os.environ["INVOCATION_TYPE"]
        check_least("asynchronous events taken durably", rate, 5000, "a second")
    finally:
        nginx.stop()
        moonbase.stop()


def neighbours(options):
    """What a function that spins costs others, and how late it is ended."""
    moonbase = Moonbase(options.build)
    spins = {"lua": {"index.lua": "function handler(event) while event.spin do end return 1 end"},
             "nodejs20.x": {"index.js": "exports.handler = async (event) => { while (event.spin); return 1; };"}}
    spinning = base64.b64encode(b'{"spin":true}').decode()
    try:
        create(moonbase, "bench", "lua", LUA_HANDLER)
        path = INVOKE.format("bench")
        load(moonbase, path, 2, 1, "invoke.lua")
        for runtime, files in spins.items():
            name = "spin-" + runtime.split(".")[0]
            create(moonbase, name, runtime, files, Timeout=1)
            quiet, late = [], []
            for _ in range(options.rounds):
                quiet.append(load(moonbase, path, 2, options.seconds, "invoke.lua")[2])
            stop = threading.Event()

            def spin():
                while not stop.is_set():
                    answer = {}
                    took = timed_ms(lambda: answer.update(call(moonbase, "Invoke", {
                        "FunctionName": name, "Payload": spinning, "LogType": "Tail"})))
                    if "Sandbox.Timedout" not in base64.b64decode(answer["Payload"]).decode():
                        sys.exit(f"{name} was not ended by its deadline")
                    # A cold start is not what is measured.
                    init = re.search(r"Init Duration: ([\d.]+) ms", base64.b64decode(answer["LogResult"]).decode())
                    late.append(took - 1000 - (float(init.group(1)) if init else 0))

            thread = threading.Thread(target=spin)
            thread.start()
            beside = [load(moonbase, path, 2, options.seconds, "invoke.lua")[2] for _ in range(options.rounds)]
            stop.set()
            thread.join()
            while len(late) < 20:
                stop.clear()
                threading.Timer(0.1, stop.set).start()
                spin()
            late.sort()
            print(f"\nBeside a function that spins ({runtime}), 2 connections")
            check("neighbours' p99, times that without it", statistics.median(beside) / statistics.median(quiet), 3, "")
            print(f"  it is ended late by {statistics.median(late):.1f} ms at the median, with all of the call")
            check("how late it is ended, p99", late[len(late) * 99 // 100], 20, "ms")
    finally:
        moonbase.stop()


def offline(options):
    """Warm Invoke of the same handler through the Lambda endpoint of serverless-offline, and in Lua."""
    peer, moonbase = ServerlessOffline(NODE_HANDLER), Moonbase(options.build, memory=False)
    try:
        create(moonbase, "lua", "lua", LUA_HANDLER)
        create(moonbase, "node", "nodejs20.x", {"index.js": NODE_HANDLER})
        medians = alternate({"serverless-offline": (peer, peer.path, "invoke.lua"),
                             "Invoke, Node.js": (moonbase, INVOKE.format("node"), "invoke.lua"),
                             "Invoke, Lua": (moonbase, INVOKE.format("lua"), "invoke.lua")},
                            options.rounds, 64, options.seconds, warm_seconds=20)  # Node.js starts 64 times in it.
        show("Invoke through the Lambda API beside serverless-offline, 64 connections", medians, "serverless-offline")
        times = medians["serverless-offline"][0]
        check_least("serverless-offline's CPU over that of Invoke, Lua", times / medians["Invoke, Lua"][0], 40, "times")
        check_least("serverless-offline's CPU over that of Invoke, Node.js", times / medians["Invoke, Node.js"][0], 40,
                    "times")
    finally:
        peer.stop()
        moonbase.stop()


def runtimes(options):
    """Cold starts of Node.js and Python beside the bare interpreters; what idle Lua environments cost."""
    moonbase = Moonbase(options.build)
    try:
        print("\nRuntimes: first answer of a new environment, beside the bare interpreter")
        handlers = {"nodejs20.x": ("node", "-e", {"index.js": "exports.handler = async () => 1;"}),
                    "python3.11": ("/usr/bin/python3", "-c", {"index.py": "def handler(event, context): return 1"})}
        for runtime, (program, flag, files) in handlers.items():
            bare, cold, warm = [], [], []
            for n in range(20):
                name = f"{runtime.split('.')[0]}-{n}"
                create(moonbase, name, runtime, files)
                bare.append(timed_ms(lambda: subprocess.run([program, flag, ""], check=True)))
                cold.append(timed_ms(lambda: invoke(moonbase, name, {})))
                warm.extend(timed_ms(lambda: invoke(moonbase, name, {})) for _ in range(20))
            print(f"  {runtime}: bare {statistics.median(bare):.1f} ms, cold {statistics.median(cold):.1f} ms, "
                  f"warm {statistics.median(warm):.2f} ms")
            if program == "node":
                check("Node.js, cold over bare", statistics.median(cold) - statistics.median(bare), 15, "ms")

        # Each waits for the next, so that all are there at once.
        create(moonbase, "nest", "lua", {"index.lua": """function handler(event, ctx)
          if event.n > 1 then
            ctx.call("lambda", "Invoke", { FunctionName = "nest",
              Payload = json.base64(json.encode { n = event.n - 1 }) })
          end
          return 1
        end"""})
        call(moonbase, "PutFunctionRecursionConfig", {"FunctionName": "nest", "RecursiveLoop": "Allow"})
        invoke(moonbase, "nest", {"n": 1})
        before = pss_mb(moonbase.pid)
        invoke(moonbase, "nest", {"n": 300})
        check("300 idle Lua environments (PSS)", pss_mb(moonbase.pid) - before, 80, "MB")
    finally:
        moonbase.stop()
