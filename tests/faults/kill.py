"""kill -9 under load: nothing acknowledged is lost. Prints how long the first answer after a restart took.

Eight clients write items and record what became of each write: acknowledged, or unknown. After the
kill every acknowledged item must be there; an unknown one may be. What was never sent must not be."""
import http.client
import random
import sys
import tempfile
import threading
import time

from moonbase import Client, Platform, create_table


def write_until_killed(port, writer, next_number, acknowledged, sent):
    client = Client(port)
    number = next_number
    try:
        while True:
            key = f"{writer}-{number}"
            sent.add(key)
            status, body = client.call("dynamodb", "PutItem",
                                       {"TableName": "load", "Item": {"id": {"S": key}, "n": {"N": str(number)}}})
            assert status == 200, body
            acknowledged.add(key)
            number += 1
    except (OSError, http.client.HTTPException):
        pass  # Killed: the last write is unknown.


def stored(client):
    keys, start = set(), None
    while True:
        query = {"TableName": "load", "ProjectionExpression": "id"}
        if start:
            query["ExclusiveStartKey"] = start
        status, body = client.call("dynamodb", "Scan", query)
        assert status == 200, body
        keys.update(item["id"]["S"] for item in body["Items"])
        start = body.get("LastEvaluatedKey")
        if not start:
            return keys


def check(acknowledged, sent, found):
    """What is wrong, or nothing."""
    lost, invented = acknowledged - found, found - sent
    if lost:
        return f"{len(lost)} acknowledged items are lost, such as {sorted(lost)[:3]}"
    if invented:
        return f"{len(invented)} items were never sent, such as {sorted(invented)[:3]}"
    return None


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    acknowledged, sent = set(), set()
    slowest = 0
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        create_table(Client(platform.port), "load")
        for number in range(rounds):
            logs = [(set(), set()) for _ in range(8)]
            threads = [threading.Thread(target=write_until_killed,
                                        args=(platform.port, f"{number}.{writer}", 0, *logs[writer]))
                       for writer in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.1, 0.8))
            platform.kill()
            for thread in threads:
                thread.join()
            for good, tried in logs:
                acknowledged |= good
                sent |= tried

            began = time.perf_counter()
            platform = Platform(data)
            client = Client(platform.port)
            status, body = client.call("dynamodb", "GetItem", {"TableName": "load", "Key": {"id": {"S": "0.0-0"}}})
            slowest = max(slowest, time.perf_counter() - began)
            assert status == 200, body
            problem = check(acknowledged, sent, stored(client))
            assert problem is None, f"round {number}: {problem}"
        # The checker itself must be able to fail: delete an item behind its back.
        victim = sorted(acknowledged)[0]
        status, body = client.call("dynamodb", "DeleteItem", {"TableName": "load", "Key": {"id": {"S": victim}}})
        assert status == 200, body
        problem = check(acknowledged, sent, stored(client))
        assert problem and victim in problem, "the checker does not notice a lost item"
        assert platform.stop() == 0
    print(f"{rounds} kills, {len(acknowledged)} acknowledged writes, 0 lost; slowest first answer {slowest:.3f} s")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
