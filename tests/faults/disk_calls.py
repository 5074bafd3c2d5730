"""The n-th write, sync, rename, … fails, once or from then on, with EIO, ENOSPC or half of it done; then the power
fails. Whatever n is: the platform refuses to start with a sentence, or it runs on; a call answers 2xx, and its effect
is there after a restart, or 5xx; what was to be done whole is done whole or not at all."""
import base64
import http.client
import os
import random
import sys
import tempfile

os.environ["MOONBASE_POWER_LOSS"] = "yes"
from moonbase import Client, Platform  # noqa: E402
from packages import package  # noqa: E402


class Session:
    """A few calls of several services, each noted as done or refused."""

    def __init__(self, port):
        self.client = Client(port)
        self.done = set()

    def call(self, name, needs, service, operation, values):
        if needs and needs not in self.done:
            return None
        status, body = self.client.call(service, operation, values)
        if status < 300:
            self.done.add(name)
            return body
        assert status >= 500, f"{name}: {status} {body}"
        return None

    def put(self, key):
        self.call(f"put {key}", "table", "dynamodb", "PutItem", {"TableName": "items", "Item": {"id": {"S": key}, "x": {"S": key * 2000}}})

    def run(self):
        self.call("table", None, "dynamodb", "CreateTable", {
            "TableName": "items", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
        for key in "abcd":
            self.put(key)
        for time in range(2):
            self.call(f"add {time}", "table", "dynamodb", "UpdateItem", {
                "TableName": "items", "Key": {"id": {"S": "counter"}}, "UpdateExpression": "ADD n :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}}})
        self.call("queue", None, "sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"VisibilityTimeout": "0"}})
        for body in "123":
            self.call(f"send {body}", "queue", "sqs", "SendMessage", {"QueueUrl": "q", "MessageBody": body})
        received = self.call("receive", "queue", "sqs", "ReceiveMessage", {"QueueUrl": "q"}) or {}
        for message in received.get("Messages", []):
            self.call(f"delete {message['Body']}", "queue", "sqs", "DeleteMessage",
                      {"QueueUrl": "q", "ReceiptHandle": message["ReceiptHandle"]})
        self.call("function", None, "lambda", "CreateFunction", {
            "FunctionName": "f", "Runtime": "lua", "Handler": "main.handler",
            "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": package("f")}})
        self.call("invoke", "function", "lambda", "Invoke", {"FunctionName": "f"})
        self.call("pair", "table", "dynamodb", "TransactWriteItems", {"TransactItems": [
            {"Put": {"TableName": "items", "Item": {"id": {"S": key}}}} for key in ("left", "right")]})
        self.put("e")
        self.put("f")


def check(client, done):
    """What is wrong after the restart, or nothing."""
    def call(service, operation, values):
        status, body = client.call(service, operation, values)
        assert status < 300, f"{operation} after the restart: {status} {body}"
        return body

    def item(key):
        return call("dynamodb", "GetItem", {"TableName": "items", "Key": {"id": {"S": key}}, "ConsistentRead": True}).get("Item")

    if "table" in done:
        for key in "abcdef":
            found = item(key)
            if f"put {key}" in done and (not found or found["x"]["S"] != key * 2000):
                return f"item {key} is lost"
        counted = int((item("counter") or {"n": {"N": "0"}})["n"]["N"])
        added = len(done & {"add 0", "add 1"})
        if not added <= counted <= 2:
            return f"{added} were added, {counted} are there"
        pair = [item(key) is not None for key in ("left", "right")]
        if pair[0] != pair[1] or ("pair" in done and not pair[0]):
            return f"half of a transaction: {pair}"
    if "queue" in done:
        waiting = set()
        for _ in range(10):
            for message in call("sqs", "ReceiveMessage", {"QueueUrl": "q", "MaxNumberOfMessages": 10}).get("Messages", []):
                waiting.add(message["Body"])
        for body in "123":
            if f"delete {body}" in done and body in waiting:
                return f"message {body} is back after its delete"
            if f"send {body}" in done and body not in waiting and f"delete {body}" not in done and "receive" not in done:
                return f"message {body} is lost"
    if "function" in done:
        answer = call("lambda", "Invoke", {"FunctionName": "f"})
        if base64.b64decode(answer["Payload"]) != b'"f"':
            return f"the function answers {answer}"
    return None


def one(number, sticky, error):
    faults = {"MOONBASE_DISK_FAIL": str(number), "MOONBASE_DISK_ERROR": error, **({"MOONBASE_DISK_STICKY": "1"} if sticky else {})}
    with tempfile.TemporaryDirectory() as data:
        try:
            platform = Platform(data, "--loops", "1", faults=faults)
        except RuntimeError as refused:
            assert "moonbase: " in str(refused), f"no sentence: {refused}"
            session, outcome = None, "refused to start"
        else:
            session = Session(platform.port)
            try:
                session.run()
            except (OSError, http.client.HTTPException) as lost:
                raise AssertionError(f"it stopped answering: {lost!r}, {platform.process.poll()}") from lost
            outcome = "refused a call" if "put f" not in session.done or "invoke" not in session.done else "bore it"
            platform.kill()
        platform = Platform(data)
        problem = check(Client(platform.port), session.done if session else set())
        assert problem is None, problem
        assert platform.stop() == 0
        return outcome


def calls_of_a_good_run():
    with tempfile.TemporaryDirectory() as data, tempfile.NamedTemporaryFile() as count:
        platform = Platform(data, "--loops", "1", faults={"MOONBASE_DISK_COUNT": count.name})
        session = Session(platform.port)
        session.run()
        assert "put f" in session.done and "invoke" in session.done, session.done
        assert check(session.client, session.done | {"put a"}) is None
        # The checker itself must be able to fail.
        session.client.call("dynamodb", "DeleteItem", {"TableName": "items", "Key": {"id": {"S": "right"}}})
        assert "half" in check(session.client, session.done), "the checker does not notice half of a transaction"
        assert platform.stop() == 0
        return int(open(count.name).read())


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    total = calls_of_a_good_run()
    numbers = rng.sample(range(1, total + 1), min(rounds, total)) if rounds else range(1, total + 1)
    outcomes = {}
    for number in numbers:
        for sticky in (False, True) if rounds == 0 else (rng.random() < 0.5,):
            error = rng.choice(("EIO", "ENOSPC", "short"))
            try:
                outcome = one(number, sticky, error)
            except AssertionError as problem:
                raise AssertionError(f"call {number} of {total} fails{' and all after it' if sticky else ''} with {error}: {problem}") from problem
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(f"{total} calls that change the disk; {outcomes}; nothing acknowledged lost, nothing half done")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
