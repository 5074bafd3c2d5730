"""A torn or garbled database, and a folder that nobody may write to: a refusal in one sentence, or a 5xx and a line in the
log; never a wrong answer. What lies behind a crash in the write-ahead log costs nothing that was acknowledged."""
import os
import shutil
import subprocess
import tempfile

from moonbase import PROGRAM, Client, Platform, create_table

ITEMS = 3000


def key(number):
    return {"id": {"S": f"key-{number}"}}


def fill(data):
    platform = Platform(data)
    client = Client(platform.port)
    create_table(client, "load")
    for first in range(0, ITEMS, 25):
        puts = [{"PutRequest": {"Item": {**key(n), "n": {"N": str(n)}, "x": {"S": "x" * 300}}}}
                for n in range(first, first + 25)]
        assert client.call("dynamodb", "BatchWriteItem", {"RequestItems": {"load": puts}})[0] == 200
    return platform, client


def up(data):
    """The program on this folder: (process, what it printed first)."""
    process = subprocess.Popen([PROGRAM, "up", "--port", "0", "--data", data, "--no-watch"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, process.stdout.readline()


def refused_in_one_sentence(process):
    _, errors = process.communicate(timeout=30)
    lines = [line for line in errors.splitlines() if line.startswith("moonbase: ")]
    assert process.returncode > 0 and len(lines) == 1, (process.returncode, errors)
    return lines[0]


def judge(status, body, right):
    """'right', 'refused', or a failure of the test."""
    if status >= 500:
        return "refused"
    assert status == 200 and right(body), ("a wrong answer", status, body)
    return "right"


def look(client):
    """Reads and writes; how many answers were right, and how many a 5xx."""
    counts = {"right": 0, "refused": 0}
    for number in range(0, ITEMS, 20):
        status, body = client.call("dynamodb", "GetItem", {"TableName": "load", "Key": key(number)})
        counts[judge(status, body, lambda body: body.get("Item", {}).get("n") == {"N": str(number)})] += 1
    start = {}
    seen = 0
    while True:
        status, body = client.call("dynamodb", "Scan", {"TableName": "load", "Select": "COUNT", **start})
        whole = "LastEvaluatedKey" not in body
        seen += body.get("Count", 0)
        counts[judge(status, body, lambda _: not whole or seen == ITEMS)] += 1
        if whole:
            break
        start = {"ExclusiveStartKey": body["LastEvaluatedKey"]}
    for number in (1, 2):
        item = {**key(number), "n": {"N": str(number)}}
        status, body = client.call("dynamodb", "PutItem", {"TableName": "load", "Item": item})
        if judge(status, body, lambda _: True) == "right":
            status, body = client.call("dynamodb", "GetItem", {"TableName": "load", "Key": key(number)})
            judge(status, body, lambda body: body.get("Item") == item)
    return counts


def garble(path, at, count):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * count)


def damaged(sound, name, damage, harmless=False):
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        shutil.copytree(sound, data)
        path = os.path.join(data, "storage.sqlite")
        damage(path)
        process, line = up(data)
        if not line.startswith("ready "):
            print(f"{name}: {refused_in_one_sentence(process)}")
            return
        counts = look(Client(int(line.rsplit(":", 1)[1])))
        process.kill()
        _, log = process.communicate()
        if harmless:
            assert counts["refused"] == 0, (name, counts)
        else:  # Else the damage was none, and the test shows nothing.
            assert counts["refused"] > 0 and ("not a database" in log or "malformed" in log), (name, counts, log)
        print(f"{name}: {counts['right']} right answers, {counts['refused']} refused, none wrong")


def read_only(sound):
    mount = tempfile.mkdtemp()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mount], capture_output=True).returncode != 0:
        print("read-only folder: not tested, this machine lets nobody mount one")
        return
    try:
        data = os.path.join(mount, "data")
        shutil.copytree(sound, data)
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        process, line = up(data)
        assert line == "", line
        sentence = refused_in_one_sentence(process)
        assert "Read-only" in sentence and data in sentence, sentence
        print("read-only folder:", sentence)
    finally:
        subprocess.run(["umount", "-l", mount], check=False)
        os.rmdir(mount)


def main():
    with tempfile.TemporaryDirectory() as folder:
        sound, crashed = os.path.join(folder, "sound"), os.path.join(folder, "crashed")
        platform, _ = fill(sound)
        assert platform.stop() == 0
        size = os.path.getsize(os.path.join(sound, "storage.sqlite"))
        damaged(sound, "sound", lambda path: None, harmless=True)
        damaged(sound, "garbled head", lambda path: garble(path, 0, 4096))
        damaged(sound, "cut in half", lambda path: os.truncate(path, size // 2))
        damaged(sound, "cut within a page", lambda path: os.truncate(path, size // 2 + 1000))
        damaged(sound, "garbled middle", lambda path: garble(path, size // 2, 65536))

        platform, _ = fill(crashed)
        platform.kill()
        log = os.path.join(crashed, "storage.sqlite-wal")
        assert os.path.getsize(log) > 0
        with open(log, "ab") as file:
            file.write(b"\xa5" * 10_000)
        damaged(crashed, "garbage behind the log", lambda path: None, harmless=True)
        read_only(sound)


main()
