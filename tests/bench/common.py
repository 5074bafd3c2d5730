"""What the benchmarks share: servers, loads, and what they print."""
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


class ServerlessOffline:
    """The Lambda endpoint of serverless-offline, with one Node.js function: the stock program, its stock settings."""

    def __init__(self, handler):
        self.folder = tempfile.mkdtemp(prefix="moonbase-bench-")
        modules = os.path.join(HERE, "node_modules")
        os.symlink(modules, os.path.join(self.folder, "node_modules"))
        with open(os.path.join(self.folder, "serverless.yml"), "w") as description:
            description.write("service: bench\nframeworkVersion: '3'\nprovider: { name: aws, runtime: nodejs20.x }\n"
                              "plugins: [ serverless-offline ]\nfunctions: { hello: { handler: index.handler } }\n")
        with open(os.path.join(self.folder, "index.js"), "w") as code:
            code.write(handler)
        port, log = free_port(), os.path.join(self.folder, "log")
        command = ["node", os.path.join(modules, "serverless/bin/serverless.js"), "offline", "--lambdaPort", str(port),
                   "--httpPort", str(free_port()), "--websocketPort", str(free_port())]
        env = dict(os.environ, SLS_TELEMETRY_DISABLED="1", SLS_NOTIFICATIONS_MODE="off", AWS_ACCESS_KEY_ID="bench",
                   AWS_SECRET_ACCESS_KEY="bench")
        with open(log, "w") as output:
            self.process = subprocess.Popen(command, cwd=self.folder, env=env, stdout=output, stderr=output)
        self.pid = self.process.pid
        self.url = f"http://127.0.0.1:{port}"
        self.path = "/2015-03-31/functions/bench-dev-hello/invocations"
        for _ in range(300):
            try:
                urllib.request.urlopen(urllib.request.Request(self.url + self.path, data=b"{}", method="POST")).read()
                break
            except OSError:
                time.sleep(0.1)
        else:
            with open(log) as text:
                sys.exit("serverless-offline did not start: " + text.read())

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
    if not requests:
        sys.exit(f"nothing was answered to {path} in {seconds} s")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if bad:
        sys.exit(f"{bad.group(1)} of {requests} requests to {path} failed")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    p99_ms = float(p99.group(1)) * {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    return used / requests * 1e6, rate, p99_ms


def alternate(contenders, rounds, connections, seconds, warm_seconds=1):
    """Contenders: name → (server, path, script). Medians of their rounds, which take turns."""
    measured = {name: [] for name in contenders}
    for server, path, script in contenders.values():
        load(server, path, connections, warm_seconds, script)
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
    print(f"  {'reached' if value <= wanted else 'SHORT  '} {name}: {value:.2f} {unit} (wanted: at most {wanted:.3g} {unit})")


def check_least(name, value, wanted, unit):
    print(f"  {'reached' if value >= wanted else 'SHORT  '} {name}: {value:.1f} {unit} (wanted: at least {wanted:.3g} {unit})")
