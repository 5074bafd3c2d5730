"""Moonbase beside nginx + Lua: CPU per request (user + system of the server, all its processes),
requests a second, latency; start-up and memory. Medians of rounds that alternate between the two."""
import argparse
import http.client
import json
import os
import re
import resource
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
    print(f"  {'reached' if value <= wanted else 'SHORT  '} {name}: {value:.2f} {unit} (wanted: at most {wanted:.3g} {unit})")


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


TABLES = {
    "bench": b'{"TableName":"bench","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"id",'
             b'"AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}',
    "lines": b'{"TableName":"lines","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"pk",'
             b'"AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],"KeySchema":[{"AttributeName":"pk",'
             b'"KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]}',
}


def dynamodb_call(server, operation, body):
    request = urllib.request.Request(server.url, method="POST", data=body, headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation,
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, "
                         "SignedHeaders=host, Signature=0"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def dynamodb(options):
    nginx, moonbase = Nginx(options.peer), Moonbase(options.build, memory=False)
    try:
        dynamodb_call(moonbase, "CreateTable", TABLES["bench"])
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


class Dynalite:
    def __init__(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "node_modules/dynalite/cli.js"), "--port", str(port), "--createTableMs", "0"],
            stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        for _ in range(200):
            try:
                dynamodb_call(self, "ListTables", b"{}")
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit("dynalite did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def load_items(server, items):
    """Loads the table `lines` up to so many items. Answers items a second."""
    count = 0
    began = time.perf_counter()
    while count < items:
        os.environ["BENCH_FIRST"] = str(count // 100)
        load(server, "/", 16, 5, "table_load.lua")
        count += 100 * (dynamodb_call(server, "DescribeTable", b'{"TableName":"lines"}')["Table"]["ItemCount"] // 100 - count // 100)
    return count, count / (time.perf_counter() - began)


def tables(options):
    """Beside dynalite in memory; and a large table beside a small one."""
    dynalite, moonbase = Dynalite(), Moonbase(options.build, memory=False)
    try:
        for server in (dynalite, moonbase):
            for body in TABLES.values():
                dynamodb_call(server, "CreateTable", body)
        time.sleep(0.5)
        for server in (dynalite, moonbase):
            for first in range(0, 1000, 25):
                puts = [{"PutRequest": {"Item": {"pk": {"S": f"order-{n // 100}"}, "sk": {"N": str(n % 100)},
                                                 "sku": {"S": f"lamp-{n}"}, "count": {"N": str(n)}}}}
                        for n in range(first, first + 25)]
                dynamodb_call(server, "BatchWriteItem", json.dumps({"RequestItems": {"lines": puts}}).encode())
        for title, script, wanted in (("PutItem, GetItem in turn", "dynamodb.lua", 1 / 3),
                                      ("Query of 10 items of 100", "table_query.lua", 1 / 5)):
            medians = alternate({"dynalite, in memory": (dynalite, "/", script), "Moonbase, durable": (moonbase, "/", script)},
                                options.rounds, 64, options.seconds)
            show(title + ", 64 connections", medians, "dynalite, in memory")
            check("against dynalite", medians["Moonbase, durable"][0] / medians["dynalite, in memory"][0], wanted, "x")
        small = alternate({"1,000 items": (moonbase, "/", "table_query.lua")}, options.rounds, 1, options.seconds)
        count, rate = load_items(moonbase, options.items)
        print(f"\n  {'reached' if rate >= 20000 else 'SHORT  '} loaded {count} items by BatchWriteItem: {rate:.0f} items/s "
              "(wanted: at least 20000)")
        large = alternate({f"{count} items": (moonbase, "/", "table_query.lua")}, options.rounds, 1, options.seconds)
        os.environ["BENCH_PARTITIONS"] = str(count // 100)
        spread = alternate({"the same, of any partition": (moonbase, "/", "table_query.lua")}, options.rounds, 1,
                           options.seconds)
        del os.environ["BENCH_PARTITIONS"]
        show("Query of 10 items of the same 10 partitions, one connection", {**small, **large, **spread}, "1,000 items")
        check("time of a query, large table against small", small["1,000 items"][1] / large[f"{count} items"][1], 1.2, "x")
        print(f"  memory (PSS) with {count} items: {pss_mb(moonbase.pid):.0f} MB")
    finally:
        dynalite.stop()


def sqs_call(connection, operation, **values):
    connection.request("POST", f"/_moonbase/call/sqs/{operation}", json.dumps(values))
    response = connection.getresponse()
    body = json.loads(response.read())
    if response.status != 200:
        sys.exit(f"{operation}: {body}")
    return body


def connect(moonbase):
    return http.client.HTTPConnection(moonbase.url.split("//")[1])


def sqs(options):
    nginx = Nginx(options.peer)
    measured = {}
    try:
        for protocol in ("json", "query"):
            moonbase = Moonbase(options.build, memory=False)
            os.environ["SQS_PROTOCOL"] = protocol
            sqs_call(connect(moonbase), "CreateQueue", QueueName="bench")
            medians = alternate({"nginx + Lua": (nginx, "/product/42?a=1", None),
                                 f"send, receive, delete: {protocol}": (moonbase, "/", "sqs.lua")},
                                options.rounds, 16, options.seconds)
            measured.update(medians)
            moonbase.stop()
        show("SQS, durable, 16 connections", measured, "nginx + Lua")
        print()
        for protocol in ("json", "query"):
            check(f"against nginx + Lua, {protocol}",
                  measured[f"send, receive, delete: {protocol}"][0] / measured["nginx + Lua"][0], 5, "x")
    finally:
        nginx.stop()


def receive_us(connection, queue, rounds=2000):
    """Microseconds of a ReceiveMessage and its DeleteMessage, one after the other: the median."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        message = sqs_call(connection, "ReceiveMessage", QueueUrl=queue)["Messages"][0]
        sqs_call(connection, "DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def sqs_million(options):
    """A queue with a million messages is as fast as one with a few thousand."""
    moonbase = Moonbase(options.build)
    try:
        connection = connect(moonbase)
        measured = {}
        for queue, messages in (("small", 4000), ("large", 1_000_000), ("small.fifo", 4000), ("large.fifo", 200_000)):
            is_fifo = queue.endswith(".fifo")
            sqs_call(connection, "CreateQueue", QueueName=queue, Attributes={"FifoQueue": "true"} if is_fifo else {})
            began = time.perf_counter()
            for first in range(0, messages, 10):
                # A few groups: what is behind in one is far behind in the queue.
                sqs_call(connection, "SendMessageBatch", QueueUrl=queue, Entries=[
                    {"Id": str(n), "MessageBody": f"message {n}"} | ({"MessageGroupId": f"group-{first * 20 // messages}",
                     "MessageDeduplicationId": str(n)} if is_fifo else {}) for n in range(first, first + 10)])
            sent_in = time.perf_counter() - began
            if is_fifo:  # All but the last of its twenty groups are held.
                for _ in range(19):
                    sqs_call(connection, "ReceiveMessage", QueueUrl=queue, VisibilityTimeout=3600)
            measured[queue] = receive_us(connection, queue, 150 if is_fifo else 2000)
            began = time.perf_counter()
            sqs_call(connection, "GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])
            print(f"\n{queue}: {messages} messages, sent in {sent_in:.1f} s: receive and delete {measured[queue]:.0f} us, "
                  f"GetQueueAttributes {(time.perf_counter() - began) * 1e6:.0f} us")
        check("a million messages against a few", measured["large"] / measured["small"], 1.5, "x")
        check("FIFO, many messages against a few", measured["large.fifo"] / measured["small.fifo"], 1.5, "x")
    finally:
        moonbase.stop()


def sqs_polls(options, polls=10_000):
    """Long polls at as many empty queues: memory of each, and CPU while nothing comes."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    moonbase = Moonbase(options.build)
    sockets = []
    try:
        connection = connect(moonbase)
        for n in range(polls):
            sqs_call(connection, "CreateQueue", QueueName=f"queue-{n}")
        before = pss_mb(moonbase.pid)
        began = time.perf_counter()
        host, port = moonbase.url.split("//")[1].split(":")
        for n in range(polls):
            body = json.dumps({"QueueUrl": f"queue-{n}", "WaitTimeSeconds": 20})
            one = socket.create_connection((host, int(port)))
            one.sendall(f"POST /_moonbase/call/sqs/ReceiveMessage HTTP/1.1\r\nHost: {host}:{port}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            sockets.append(one)
        opened = time.perf_counter() - began
        time.sleep(1)
        memory, used = pss_mb(moonbase.pid) - before, cpu_seconds(moonbase.pid)
        time.sleep(5)
        idle = (cpu_seconds(moonbase.pid) - used) / 5 * 100
        sqs_call(connection, "SendMessage", QueueUrl="queue-17", MessageBody="now")
        woken = sockets[17].recv(65536)
        if b'"Body":"now"' not in woken:
            sys.exit(f"the poll that waited got {woken[:200]}")
        print(f"\n{polls} long polls at as many queues, opened in {opened:.1f} s")
        check("memory of one (connection, fiber, queue)", memory * 1024 / polls, 32, "KiB")
        check("CPU while nothing comes", idle, 1, "%")
    finally:
        for one in sockets:
            one.close()
        moonbase.stop()


def functions(options):
    print("\nFunctions")
    sys.stdout.flush()
    subprocess.run([os.path.join(options.build, "tests/bench_environments")], check=True)


def main():
    parts = {"start": start, "gateway": gateway, "dynamodb": dynamodb, "tables": tables, "functions": functions,
             "sqs": sqs, "sqs-million": sqs_million, "sqs-polls": sqs_polls}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--peer", required=True, help="nginx's Lua module, unpacked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--items", type=int, default=1_000_000, help="in the large table of `tables`")
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="which parts; none: all")
    options = parser.parse_args()
    for name in options.parts or parts:
        parts[name](options)


main()
