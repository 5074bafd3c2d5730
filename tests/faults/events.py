"""kill -9 between the attempts of asynchronous events: each gets the attempts that were promised, none is lost.

Every event fails and is kept by a destination in the end. The platform is killed at random moments; its clock is
moved on in between. What was acknowledged must have been tried three times at least, and must have reached the
destination at least once."""
import base64
import http.client
import io
import random
import sys
import tempfile
import threading
import time
import zipfile

from moonbase import Client, Platform, create_table

FAILS = """function handler(event, ctx)
  ctx.call("dynamodb", "UpdateItem", { TableName = "tries", Key = { id = { S = event.id } },
    UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } } })
  error "no"
end"""
KEEPS = """function handler(event, ctx)
  ctx.call("dynamodb", "UpdateItem", { TableName = "kept", Key = { id = { S = event.requestPayload.id } },
    UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } } })
end"""


def create_function(client, name, code):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("main.lua", code)
    status, body = client.call("lambda", "CreateFunction", {
        "FunctionName": name, "Runtime": "lua", "Handler": "main.handler", "Role": "arn:aws:iam::000000000000:role/r",
        "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()}})
    assert status in (200, 201), body
    return body["FunctionArn"]


def advance(port, by):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/_moonbase/clock", '{"advance":"%s"}' % by)
    assert connection.getresponse().status == 200


def counts(client, table):
    found, start = {}, None
    while True:
        query = {"TableName": table}
        if start:
            query["ExclusiveStartKey"] = start
        status, body = client.call("dynamodb", "Scan", query)
        assert status == 200, body
        for item in body["Items"]:
            found[item["id"]["S"]] = int(item["n"]["N"])
        start = body.get("LastEvaluatedKey")
        if not start:
            return found


def send_until_killed(port, number, acknowledged):
    try:
        client = Client(port)
        for count in range(200):
            name = f"{number}-{count}"
            payload = base64.b64encode(('{"id":"%s"}' % name).encode()).decode()
            status, body = client.call("lambda", "Invoke", {
                "FunctionName": "fails", "InvocationType": "Event", "Payload": payload})
            assert status in (200, 202), body
            acknowledged.add(name)
    except (OSError, http.client.HTTPException):
        pass  # Killed: the last one is unknown.


def move_until_killed(port):
    try:
        while True:
            advance(port, "20s")
    except (OSError, http.client.HTTPException, AssertionError):
        pass


def wrong_with(acknowledged, kept, tries):
    """What was promised and did not happen, or nothing."""
    lost = acknowledged - kept.keys()
    few = [name for name in acknowledged if tries.get(name, 0) < 3]
    if lost:
        return f"{len(lost)} events never reached the destination, such as {sorted(lost)[:3]}"
    if few:
        return f"{len(few)} events had fewer than three attempts, such as {sorted(few)[:3]}"
    return None


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    acknowledged = set()
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        client = Client(platform.port)
        for table in ("tries", "kept"):
            create_table(client, table)
        destination = create_function(client, "keeps", KEEPS)
        create_function(client, "fails", FAILS)
        status, body = client.call("lambda", "PutFunctionEventInvokeConfig", {
            "FunctionName": "fails", "DestinationConfig": {"OnFailure": {"Destination": destination}}})
        assert status == 200, body
        for number in range(rounds):
            threads = [threading.Thread(target=send_until_killed, args=(platform.port, number, acknowledged)),
                       threading.Thread(target=move_until_killed, args=(platform.port,))]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.1, 0.8))
            platform.kill()
            for thread in threads:
                thread.join()
            platform = Platform(data)
        # The clock that was moved on is forgotten by a restart: what is due is due later than it was.
        for _ in range(60):
            advance(platform.port, "5m")
            client = Client(platform.port)
            kept = counts(client, "kept")
            if not acknowledged - kept.keys():
                break
        tries = counts(client, "tries")
        platform.stop()
    print(f"{rounds} rounds, {len(acknowledged)} events; {sum(tries.values())} attempts, "
          f"{sum(kept.values())} records at the destination")
    assert acknowledged, "nothing was acknowledged, so nothing was tested"
    problem = wrong_with(acknowledged, kept, tries)
    if problem:
        sys.exit(f"FAILED: {problem}")
    # The check itself must be able to fail.
    victim = sorted(acknowledged)[0]
    assert victim in wrong_with(acknowledged, {name: n for name, n in kept.items() if name != victim}, tries)
    assert victim in wrong_with(acknowledged, kept, {**tries, victim: 2})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
