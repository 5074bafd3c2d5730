"""Functions in Node.js and Python, and what idle environments cost."""
import base64
import io
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
import zipfile

from common import Moonbase, Nginx, alternate, check, load, pss_mb, show


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
        create(moonbase, "bench", "lua", {"index.lua": "function handler(event) return { id = event.id } end"})
        medians = alternate({"nginx + Lua": (nginx, "/product/42?a=1", None), "Invoke": (moonbase, "/", "invoke.lua")},
                            options.rounds, 64, options.seconds)
        show("Invoke of a Lua function through the Lambda API, 64 connections", medians, "nginx + Lua")
        os.environ["INVOCATION_TYPE"] = "Event"
        _, rate, _ = load(moonbase, "/", 16, options.seconds, "invoke.lua")
        del os.environ["INVOCATION_TYPE"]
        print(f"  {'reached' if rate >= 5000 else 'SHORT  '} asynchronous events taken a second, durable: {rate:.0f} "
              "(wanted: at least 5000)")
    finally:
        nginx.stop()
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
