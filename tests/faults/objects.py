"""kill -9 under writers, readers and uploads in parts: a GET after an acknowledged write sees it or a later one, whole;
listings agree; of racing writers who want to be the first, one is; what nothing names leaves no bytes.

Each writer has keys of its own and numbers what it does to them. An object's bytes follow from its key and number, so
that whoever reads them knows whether they are whole."""
import hashlib
import http.client
import os
import random
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

from moonbase import Platform, until_killed

BUCKET = "/objects"
KEYS_A_WRITER, WRITERS, READERS = 4, 3, 2
SIZES = [0, 100, 10_000, 131_072, 131_073, 300_000]
PART = 5 << 20
GONE = 0  # The number of a key without an object.
SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def body_of(key, number):
    seed = hashlib.sha256(f"{key} {number}".encode()).digest()
    size = SIZES[seed[0] % len(SIZES)]
    head = f"{key} {number} {size}\n".encode()
    return head + (seed * (size // len(seed) + 1))[:size]


def film_of(number):
    """Two parts."""
    first = hashlib.sha256(f"film {number}".encode()).digest() * (PART // 32)
    return [first, f"film {number}\n".encode()]


def number_of(key, body):
    """Which write these bytes are, all of them; nothing when they are none."""
    try:
        name, number, _ = body.split(b"\n", 1)[0].decode().split(" ")
        return int(number) if name == key and body == body_of(key, int(number)) else None
    except ValueError:
        return None


class Connection:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def send(self, method, target, body=b"", headers=None):
        self.connection.request(method, BUCKET + target, body, headers or {})
        response = self.connection.getresponse()
        return response.status, response.read(), response.headers


class Key:
    """What its writer did, in order. Written by one thread, read by all."""

    def __init__(self, name):
        self.name = name
        self.done = [GONE]   # Numbers, GONE for a deletion.
        self.acknowledged = 0  # The place in `done` of the last one that was.
        self.next = 1

    def problem(self, seen, since):
        """Of a read that began when `since` was the last acknowledged place."""
        allowed = self.done[since:]
        return None if seen in allowed else f"{self.name}: {seen} was read, allowed {allowed[-5:]}"

    def settle(self, seen):
        self.done = [seen]
        self.acknowledged = 0


def read(connection, key):
    status, body, headers = connection.send("GET", f"/{key.name}")
    if status == 404:
        return GONE
    assert status == 200, body
    if headers["ETag"] != f'"{hashlib.md5(body).hexdigest()}"':
        return f"bytes that are not its ETag's ({len(body)})"
    number = number_of(key.name, body)
    return number if number is not None else f"torn bytes ({len(body)}: {body[:40]})"


@until_killed(Connection)
def write(connection, keys, rng):
    key = rng.choice(keys)
    if rng.random() < 0.25:
        key.done.append(GONE)
        status, body, _ = connection.send("DELETE", f"/{key.name}")
        assert status == 204, body
    else:
        number, key.next = key.next, key.next + 1
        key.done.append(number)
        status, body, _ = connection.send("PUT", f"/{key.name}", body_of(key.name, number))
        assert status == 200, body
    key.acknowledged = len(key.done) - 1


@until_killed(Connection)
def look(connection, keys, rng, problems):
    if rng.random() < 0.2:
        before = {key.name: key.acknowledged for key in keys}
        found = listed(connection)
        for key in keys:
            since = before[key.name]
            etags = {etag(key, number) for number in list(key.done)[since:]}
            if found.get(key.name) not in etags:
                problems.append(f"{key.name}: listed as {found.get(key.name)}, allowed {etags}")
        return
    key = rng.choice(keys)
    since = key.acknowledged
    problem = key.problem(read(connection, key), since)
    if problem:
        problems.append(problem)


@until_killed(Connection)
def film(connection, state, rng):
    state["next"] += 1
    number = state["next"]
    _, answer, _ = connection.send("POST", "/film?uploads")
    upload = xml.fromstring(answer).find(SPACE + "UploadId").text
    parts = []
    for at, part in enumerate(film_of(number), 1):
        status, answer, headers = connection.send("PUT", f"/film?partNumber={at}&uploadId={upload}", part)
        assert status == 200, answer
        parts.append(f"<Part><PartNumber>{at}</PartNumber><ETag>{headers['ETag']}</ETag></Part>")
    if rng.random() < 0.3:
        status, answer, _ = connection.send("DELETE", f"/film?uploadId={upload}")
        assert status == 204, answer
        return
    state["perhaps"] = number
    status, answer, _ = connection.send("POST", f"/film?uploadId={upload}",
                                        f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>")
    assert status == 200, answer
    state["is"] = number


def film_problem(connection, state):
    status, body, _ = connection.send("GET", "/film")
    for number in (state["is"], state["perhaps"]):
        if (number is None and status == 404) or (number is not None and body == b"".join(film_of(number))):
            state["is"] = state["perhaps"] = number
            return None
    return f"film: status {status}, {len(body)} bytes, expected {state}"


def etag(key, number):
    return None if number == GONE else f'"{hashlib.md5(body_of(key.name, number)).hexdigest()}"'


def listed(connection):
    found, after = {}, ""
    while True:
        status, answer, _ = connection.send("GET", f"?list-type=2&max-keys=5&start-after={after}")
        assert status == 200, answer
        root = xml.fromstring(answer)
        for entry in root.iter(SPACE + "Contents"):
            after = entry.find(SPACE + "Key").text
            found[after] = entry.find(SPACE + "ETag").text
        if root.find(SPACE + "IsTruncated").text != "true":
            return found


def check(port, keys, state):
    """What is wrong after a kill; settles what was unknown."""
    connection = Connection(port)
    problems, found = [], listed(connection)
    for key in keys:
        seen = read(connection, key)
        problem = key.problem(seen, key.acknowledged)
        problems += [problem] if problem else []
        if not problem and found.get(key.name) != etag(key, seen):
            problems.append(f"{key.name}: listed as {found.get(key.name)}, but is {seen}")
        if not problem:
            key.settle(seen)
    problem = film_problem(connection, state)
    return problems + ([problem] if problem else [])


def race(port, round_number, writers=8, keys=5):
    """All want to be the first to write a key."""
    for number in range(keys):
        name, statuses = f"/race-{round_number}-{number}", []
        def put():
            statuses.append(Connection(port).send("PUT", name, b"mine" * 50_000, {"If-None-Match": "*"})[0])
        threads = [threading.Thread(target=put) for _ in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses.count(200) == 1 and statuses.count(412) == writers - 1, statuses
        assert Connection(port).send("DELETE", name)[0] == 204


def run_round(platform, keys, state, rng):
    problems = []
    threads = [threading.Thread(target=write, args=(platform.port, keys[n::WRITERS], random.Random(rng.random())))
               for n in range(WRITERS)]
    threads += [threading.Thread(target=look, args=(platform.port, keys, random.Random(rng.random()), problems))
                for _ in range(READERS)]
    threads.append(threading.Thread(target=film, args=(platform.port, state, random.Random(rng.random()))))
    for thread in threads:
        thread.start()
    time.sleep(rng.uniform(0.1, 0.6))
    platform.kill()
    for thread in threads:
        thread.join()
    return problems


def files_in(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


def empty(connection, data):
    """Deletes all; answers the files that stay in the blob store."""
    for name in listed(connection):
        assert connection.send("DELETE", f"/{name}")[0] == 204
    _, answer, _ = connection.send("GET", "?uploads")
    for upload in xml.fromstring(answer).iter(SPACE + "Upload"):
        key, upload_id = upload.find(SPACE + "Key").text, upload.find(SPACE + "UploadId").text
        assert connection.send("DELETE", f"/{key}?uploadId={upload_id}")[0] == 204
    for _ in range(100):  # The task that erases them is a moment behind.
        left = files_in(os.path.join(data, "storage.blobs"))
        if not left:
            break
        time.sleep(0.1)
    return left


def control(port, keys, state, data):
    """The checker sees a stale object, a torn one, one that is listed and gone."""
    connection = Connection(port)
    key = keys[0]
    for number in (key.next, key.next + 1):
        assert connection.send("PUT", f"/{key.name}", body_of(key.name, number))[0] == 200
    key.settle(key.next + 1)
    assert connection.send("PUT", f"/{key.name}", body_of(key.name, key.next))[0] == 200
    assert check(port, keys, state), "the checker does not notice an old object"
    assert connection.send("PUT", f"/{key.name}", body_of(key.name, key.next + 1)[:-1])[0] == 200
    assert check(port, keys, state), "the checker does not notice a torn object"
    assert connection.send("PUT", "/left", os.urandom(200_000))[0] == 200
    assert files_in(os.path.join(data, "storage.blobs")), "the checker does not see blobs"
    key.settle(GONE)


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    keys = [Key(f"k{n}") for n in range(KEYS_A_WRITER * WRITERS)]
    state = {"next": 0, "is": None, "perhaps": None}
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        assert Connection(platform.port).send("PUT", "")[0] == 200
        for number in range(rounds):
            problems = run_round(platform, keys, state, rng)
            platform = Platform(data)
            problems += check(platform.port, keys, state)
            assert not problems, f"round {number}: lost: {problems[:3]}"
            race(platform.port, number)
        writes = sum(key.next for key in keys) + state["next"]
        if "MOONBASE_POWER_LOSS" not in os.environ:  # A power failure may leave bytes, never lose any.
            left = empty(Connection(platform.port), data)
            assert not left, f"blobs that nothing names: {left}"
            for key in keys:
                key.settle(GONE)
            state["is"] = state["perhaps"] = None
        control(platform.port, keys, state, data)
        assert platform.stop() == 0
    print(f"{rounds} kills, {writes} writes, 0 lost, 0 torn, 0 left over")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
