"""A Moonbase of the test's own, to be killed.

With MOONBASE_POWER_LOSS in the environment kill() is a power failure: of the data folder only that is left which
had been synced, and of what had not, any sectors. MOONBASE_DISK_FAULTS is the library of disk_faults.cpp."""
import atexit
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess

PROGRAM = os.environ.get("MOONBASE", "build/moonbase")
DISK_FAULTS = os.environ.get("MOONBASE_DISK_FAULTS")
POWER_LOSS = "MOONBASE_POWER_LOSS" in os.environ
SECTOR = 512


def torn(durable, written, rng):
    """What a disk may hold of a file: each sector as it was synced, or as it was written after that."""
    pieces = []
    for at in range(0, max(len(durable), len(written)), SECTOR):
        old, new = durable[at:at + SECTOR], written[at:at + SECTOR]
        pieces.append(old if old == new or len(old) > len(new) or rng.random() < 0.5 else new)
        if len(pieces[-1]) < SECTOR:
            break
    return b"".join(pieces)


def lose_power(data, image, rng):
    """Leaves in `data` what would be there after a power failure."""
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    def build(key, source, target):
        os.mkdir(target, 0o700)
        listing = os.path.join(image, "folders", key)
        if not os.path.exists(listing):
            return  # Made, and never synced.
        for entry in read(listing).split(b"\0")[:-1]:
            kind, entry_key, name = entry.decode().split(" ", 2)
            old, new = os.path.join(source, name), os.path.join(target, name)
            if kind == "d":
                build(entry_key, old, new)
                continue
            durable = os.path.join(image, "files", entry_key)
            content = read(durable) if os.path.exists(durable) else b""
            try:
                same = os.stat(old).st_ino == int(entry_key.split("-")[0])
            except OSError:
                same = False  # Renamed or removed, and the folder not synced.
            with open(new, "wb") as file:
                file.write(torn(content, read(old), rng) if same else content)

    after = data + ".after"
    build(read(os.path.join(image, "root")).decode(), data, after)
    shutil.rmtree(data)
    os.rename(after, data)


class Platform:
    def __init__(self, data, *words, port=0, faults=None):
        environment = dict(os.environ)
        self.data, self.image = data, data + ".image"
        if POWER_LOSS:
            shutil.rmtree(self.image, ignore_errors=True)
            atexit.register(shutil.rmtree, self.image, ignore_errors=True)
            environment["MOONBASE_DISK_IMAGE"] = self.image
        environment.update(faults or {})
        if POWER_LOSS or faults:
            environment.update(LD_PRELOAD=DISK_FAULTS, MOONBASE_DISK_DATA=data)
        self.process = subprocess.Popen([PROGRAM, "up", "--port", str(port), "--data", data, "--no-watch", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
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
        if POWER_LOSS:
            lose_power(self.data, self.image, random.Random())

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


def until_killed(connect):
    """Makes of work(connection, …) what a thread does from connect(port) on, again and again, until the platform ends."""
    def repeated(work):
        def run(port, *words):
            try:
                connection = connect(port)
                while True:
                    work(connection, *words)
            except (OSError, http.client.HTTPException):
                pass  # Killed: the last call is unknown.
        return run
    return repeated


def create_table(client, name):
    status, body = client.call("dynamodb", "CreateTable", {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    assert status == 200, body
