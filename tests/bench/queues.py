"""SQS: send, receive, delete; long queues; long polls."""
import http.client
import json
import os
import resource
import socket
import statistics
import sys
import time

from common import HERE, Moonbase, Nginx, alternate, check, cpu_seconds, pss_mb, show


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
                  measured[f"send, receive, delete: {protocol}"][0] / measured["nginx + Lua"][0], 4.5, "x")
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
        check("memory of all (connections, fibers, queues)", memory, 200, "MB")
        check("CPU while nothing comes", idle, 2, "% of a core")
    finally:
        for one in sockets:
            one.close()
        moonbase.stop()
