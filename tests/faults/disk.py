"""A full disk: writes fail with a 5xx, reads go on, and writing works again once there is room, without a restart."""
import os
import subprocess
import sys
import tempfile

from moonbase import Client, Platform, create_table


def put(client, key, size):
    return client.call("dynamodb", "PutItem", {"TableName": "full", "Item": {"id": {"S": key}, "x": {"S": "x" * size}}})


def main():
    mount = tempfile.mkdtemp()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", mount], capture_output=True, text=True)
    if made.returncode != 0:
        print("skipped: this machine lets nobody mount a small disk:", made.stderr.strip())
        sys.exit(77)
    try:
        platform = Platform(mount)
        client = Client(platform.port)
        create_table(client, "full")
        assert put(client, "first", 10)[0] == 200
        ballast = os.path.join(mount, "ballast")
        with open(ballast, "wb", buffering=0) as file:  # All that is left.
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                pass
        refused, acknowledged = 0, ["first"]
        for number in range(300):
            status, body = put(client, f"full-{number}", 100_000)
            if status == 200:
                acknowledged.append(f"full-{number}")
            else:
                assert status >= 500, (status, body)
                refused += 1
            if refused >= 5:
                break
        assert refused >= 5, "the disk never filled up"
        status, body = client.call("dynamodb", "GetItem", {"TableName": "full", "Key": {"id": {"S": "first"}}})
        assert status == 200 and body["Item"]["id"]["S"] == "first", (status, body)

        os.unlink(ballast)
        assert put(client, "after", 10)[0] == 200, "writing did not recover"
        for key in acknowledged + ["after"]:
            status, body = client.call("dynamodb", "GetItem", {"TableName": "full", "Key": {"id": {"S": key}}})
            assert status == 200 and "Item" in body, f"{key} was acknowledged and is lost"
        assert platform.stop() == 0
        print(f"{refused} writes refused while the disk was full, {len(acknowledged)} acknowledged before, 0 lost")
    finally:
        subprocess.run(["umount", "-l", mount], check=False)
        os.rmdir(mount)


main()
