"""DynamoDB: beside nginx + Lua, beside dynalite, and large tables."""
import json
import os
import subprocess
import sys
import time
import urllib.request

from common import HERE, Moonbase, Nginx, alternate, check, free_port, load, pss_mb, show


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
        moonbase.stop()
