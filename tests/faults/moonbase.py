"""A Moonbase of the test's own, to be killed."""
import atexit
import http.client
import json
import os
import re
import signal
import subprocess

PROGRAM = os.environ.get("MOONBASE", "build/moonbase")


class Platform:
    def __init__(self, data, *words, port=0):
        self.process = subprocess.Popen([PROGRAM, "up", "--port", str(port), "--data", data, "--no-watch", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # Also when the test fails.
        for line in self.process.stdout:
            ready = re.match(r"ready http://127.0.0.1:(\d+)", line)
            if ready:
                self.port = int(ready.group(1))
                return
        raise RuntimeError("moonbase did not start: " + self.process.stderr.read())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


class Client:
    """One connection; every call either answers (status, body) or raises OSError."""

    def __init__(self, port, timeout=10):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def call(self, service, operation, values):
        self.connection.request("POST", f"/_moonbase/call/{service}/{operation}", json.dumps(values))
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())


def create_table(client, name):
    status, body = client.call("dynamodb", "CreateTable", {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    assert status == 200, body
