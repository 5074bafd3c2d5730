"""Moonbase beside nginx + Lua: CPU per request (user + system of the server, all its processes),
requests a second, latency; start-up and memory. Medians of rounds that alternate between the two."""
import argparse
import base64
import io
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

TICK = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))


def processes_of(pid):
    """The process and all its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
    found, queue = [], [pid]
    while queue:
        each = queue.pop()
        found.append(each)
        queue.extend(children.get(each, []))
    return found


def cpu_seconds(pid):
    """User + system time of all the processes that live, with that of their children that ended."""
    total = 0
    for each in processes_of(pid):
        try:
            with open(f"/proc/{each}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICK


def pss_mb(pid):
    total = 0
    for each in processes_of(pid):
        with open(f"/proc/{each}/smaps_rollup") as rollup:
            total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1))
    return total / 1024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Moonbase:
    def __init__(self, build, *words, memory=True):
        self.folder = tempfile.mkdtemp(prefix="moonbase-bench-")
        command = [os.path.join(build, "moonbase"), "up", "--port", "0", "--no-watch", *words]
        command += ["--memory"] if memory else ["--data", self.folder]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.url = line.split()[1]
                break
        else:
            sys.exit("moonbase did not start")
        self.start_ms = (time.perf_counter() - began) * 1000
        self.pid = self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx:
    def __init__(self, peer):
        self.folder = tempfile.mkdtemp(prefix="moonbase-bench-")
        port = free_port()
        usr = os.path.abspath(os.path.join(peer, "usr"))
        with open(os.path.join(HERE, "nginx.conf")) as source:
            conf = source.read()
        for name, value in {"WORKERS": str(os.cpu_count()), "FOLDER": self.folder, "PORT": str(port),
                            "MODULES": f"{usr}/lib/nginx/modules", "LUA": f"{usr}/share/lua/5.1",
                            "CPATH": f"{usr}/lib/x86_64-linux-gnu/lua/5.1"}.items():
            conf = conf.replace(name, value)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as target:
            target.write(conf)
        env = dict(os.environ, LD_LIBRARY_PATH=f"{usr}/lib/x86_64-linux-gnu")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", path], env=env)
        self.pid = self.process.pid
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(self.url + "/product/1").read()
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit("nginx did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def load(server, path, connections, seconds, script=None):
    """One round of wrk. Answers CPU microseconds a request, requests a second, p99 in ms."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency"]
    if script:
        command += ["-s", os.path.join(HERE, script)]
    before = cpu_seconds(server.pid)
    output = subprocess.run(command + [server.url + path], capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.pid) - before
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if bad:
        sys.exit(f"{bad.group(1)} of {requests} requests to {path} failed")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    p99_ms = float(p99.group(1)) * {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    return used / requests * 1e6, rate, p99_ms


def alternate(contenders, rounds, connections, seconds):
    """Contenders: name → (server, path, script). Medians of their rounds, which take turns."""
    measured = {name: [] for name in contenders}
    for server, path, script in contenders.values():
        load(server, path, connections, 1, script)  # Warm.
    for _ in range(rounds):
        for name, (server, path, script) in contenders.items():
            measured[name].append(load(server, path, connections, seconds, script))
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in measured.items()}


def show(title, medians, yardstick):
    print(f"\n{title}")
    print(f"  {'':28} {'CPU us/request':>15} {'ratio':>7} {'requests/s':>12} {'p99 ms':>8}")
    for name, (cpu_us, rate, p99_ms) in medians.items():
        print(f"  {name:28} {cpu_us:15.1f} {cpu_us / medians[yardstick][0]:7.2f} {rate:12.0f} {p99_ms:8.2f}")


def check(name, value, wanted, unit):
    print(f"  {'reached' if value <= wanted else 'SHORT  '} {name}: {value:.2f} {unit} (wanted: at most {wanted} {unit})")


def gateway(options):
    nginx, moonbase = Nginx(options.peer), Moonbase(options.build, os.path.join(HERE, "stack.lua"))
    try:
        base = "/_aws/execute-api/bench/prod"
        contenders = {"nginx + Lua": (nginx, "/product/42?a=1", None),
                      "function, own process": (moonbase, base + "/isolated/42?a=1", None),
                      "function, inline": (moonbase, base + "/inline/42?a=1", None)}
        few = alternate(contenders, options.rounds, 64, options.seconds)
        show("GET route -> gateway -> Lua function, 64 connections", few, "nginx + Lua")
        many = alternate(contenders, options.rounds, 900, options.seconds)
        show("The same, 900 connections", many, "nginx + Lua")
        print()
        yard = few["nginx + Lua"][0]
        check("own process against nginx + Lua", few["function, own process"][0] / yard, 1.2, "x")
        check("inline against nginx + Lua", few["function, inline"][0] / yard, 0.75, "x")
        change = {name: many[name][0] / few[name][0] for name in few}
        check("change from 64 to 900 connections", change["function, own process"], round(change["nginx + Lua"], 2), "x")
    finally:
        nginx.stop()
        moonbase.stop()


def start(options):
    shop = os.path.join(HERE, "../../examples/shop/stack.lua")
    empty, stacked = [], []
    for _ in range(options.rounds):
        for words, times in (((), empty), ((shop,), stacked)):
            moonbase = Moonbase(options.build, *words)
            times.append(moonbase.start_ms)
            moonbase.stop()
    moonbase = Moonbase(options.build, shop)
    time.sleep(1)
    memory = pss_mb(moonbase.pid)
    moonbase.stop()
    print("\nStart and idle memory")
    check("start to ready, no stack", statistics.median(empty), 50, "ms")
    check("start to ready, the shop", statistics.median(stacked), 150, "ms")
    check("idle memory with the shop (PSS, all processes)", memory, 25, "MB")


def dynamodb(options):
    nginx, moonbase = Nginx(options.peer), Moonbase(options.build, memory=False)
    try:
        request = urllib.request.Request(
            moonbase.url + "/_moonbase/call/dynamodb/CreateTable", method="POST",
            data=b'{"TableName":"bench","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"id",'
                 b'"AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}')
        urllib.request.urlopen(request).read()
        medians = alternate({"nginx + Lua": (nginx, "/product/42?a=1", None),
                             "PutItem, GetItem in turn": (moonbase, "/", "dynamodb.lua")},
                            options.rounds, 64, options.seconds)
        show("DynamoDB, durable, 64 connections", medians, "nginx + Lua")
        print()
        check("against nginx + Lua", medians["PutItem, GetItem in turn"][0] / medians["nginx + Lua"][0], 3, "x")
        rate = medians["PutItem, GetItem in turn"][1]
        print(f"  {'reached' if rate >= 10000 else 'SHORT  '} requests a second: {rate:.0f} (wanted: at least 10000)")
    finally:
        nginx.stop()
        moonbase.stop()


def functions(options):
    print("\nFunctions")
    sys.stdout.flush()
    subprocess.run([os.path.join(options.build, "tests/bench_environments")], check=True)


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
        invoke(moonbase, "nest", {"n": 1})
        before = pss_mb(moonbase.pid)
        invoke(moonbase, "nest", {"n": 300})
        check("300 idle Lua environments (PSS)", pss_mb(moonbase.pid) - before, 80, "MB")
    finally:
        moonbase.stop()


def main():
    parts = {"start": start, "gateway": gateway, "dynamodb": dynamodb, "functions": functions, "runtimes": runtimes}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--peer", required=True, help="nginx's Lua module, unpacked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="which parts; none: all")
    options = parser.parse_args()
    for name in options.parts or parts:
        parts[name](options)


main()
