"""SNS: one message to a hundred queues."""
import http.client
import json
import selectors
import socket
import statistics
import sys
import time

from common import Moonbase

QUEUES = 100
WANTED_MS = 10


def call(connection, service, operation, **values):
    connection.request("POST", f"/_moonbase/call/{service}/{operation}", json.dumps(values))
    response = connection.getresponse()
    body = json.loads(response.read())
    if response.status != 200:
        sys.exit(f"{service} {operation}: {body}")
    return body


class Poll:
    """A long poll at a queue, on a connection of its own."""

    def __init__(self, url, queue):
        self.queue = queue
        self.host, self.port = url.split("//")[1].split(":")
        self.socket = socket.create_connection((self.host, int(self.port)))

    def wait(self):
        body = json.dumps({"QueueUrl": self.queue, "WaitTimeSeconds": 20})
        self.socket.sendall(f"POST /_moonbase/call/sqs/ReceiveMessage HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}".encode())

    def read(self):
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.socket.recv(65536)
        head, body = text.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += self.socket.recv(65536)
        return json.loads(body)["Messages"][0]["ReceiptHandle"]


def fanout(options, rounds=50):
    """How long the fan-out takes, until the last queue has committed its message (by the journal), and how long
    until the last of a hundred long polls, one a queue, has been answered: a hundred receives are part of that."""
    moonbase = Moonbase(options.build, memory=False)
    try:
        connection = http.client.HTTPConnection(moonbase.url.split("//")[1])
        topic = call(connection, "sns", "CreateTopic", Name="news")["TopicArn"]
        polls = []
        for n in range(QUEUES):
            call(connection, "sqs", "CreateQueue", QueueName=f"fan-{n}")
            call(connection, "sns", "Subscribe", TopicArn=topic, Protocol="sqs",
                 Endpoint=f"arn:aws:sqs:us-east-1:000000000000:fan-{n}")
            polls.append(Poll(moonbase.url, f"fan-{n}"))
        last, publishing, fanouts = [], [], []
        for _ in range(rounds):
            for poll in polls:
                poll.wait()
            time.sleep(0.1)  # Until all of them wait.
            waiting = selectors.DefaultSelector()
            for poll in polls:
                waiting.register(poll.socket, selectors.EVENT_READ, poll)
            began = time.perf_counter()
            call(connection, "sns", "Publish", TopicArn=topic, Message="hello")
            publishing.append((time.perf_counter() - began) * 1e3)
            answered = []
            while len(answered) < QUEUES:
                for key, _ in waiting.select():
                    waiting.unregister(key.fileobj)
                    answered.append(key.data)
            last.append((time.perf_counter() - began) * 1e3)
            connection.request("GET", "/_moonbase/journal?limit=1000")
            journal = json.loads(connection.getresponse().read())
            fanouts.append([each for each in journal["entries"] if each["operation"] == "sns-fanout"][-1]["duration_us"] / 1e3)
            for poll in answered:
                call(connection, "sqs", "DeleteMessage", QueueUrl=poll.queue, ReceiptHandle=poll.read())
        median, worst = statistics.median(fanouts), sorted(fanouts)[int(rounds * 0.95)]
        print(f"\nSNS, durable: one message to {QUEUES} queues at which somebody waits, {rounds} rounds")
        print(f"  Publish answers in {statistics.median(publishing):.1f} ms (median)")
        print(f"  {'reached' if median <= WANTED_MS else 'SHORT  '} the last queue has its message after {median:.1f} ms (median), "
              f"{worst:.1f} ms (95th of 100; wanted: at most {WANTED_MS})")
        print(f"  the last of {QUEUES} long polls is answered {statistics.median(last):.1f} ms after the request (median)")
    finally:
        moonbase.stop()
