"""kill -9 under producers and consumers: nothing acknowledged is lost, what was deleted stays deleted,
FIFO groups stay in order, and a message that is sent again within its window is one message.

Producers and consumers record what became of each call: acknowledged, or unknown. A FIFO producer sends
what is unknown again, with the same deduplication id, as SDKs do."""
import random
import sys
import tempfile
import threading
import time

from moonbase import Client, Platform, until_killed

VISIBILITY = 5  # Seconds; longer than any pause between a receive and its delete.


class Ledger:
    """What happened, over all rounds. One lock: the threads do nothing else with it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged = set(), set()          # Bodies.
        self.deleted, self.perhaps_deleted = set(), set()
        self.problems = []
        self.groups = {}                                     # Group → Group.

    def received(self, body):
        if body in self.deleted:
            self.problems.append(f"{body} came again after it was deleted")
        if body not in self.sent:
            self.problems.append(f"{body} was never sent")


class Group:
    def __init__(self):
        self.next = 1             # What its producer sends next.
        self.done = 0             # The last one whose delete was acknowledged.
        self.perhaps = 0          # One whose delete is unknown.

    def received(self, number, problems, name):
        expected = {self.done + 1} | ({self.perhaps + 1} if self.perhaps > self.done else set())
        if number not in expected:
            problems.append(f"group {name}: {number} came, expected {sorted(expected)}")
        elif self.perhaps > self.done and number == self.perhaps + 1:
            self.done = self.perhaps


def call(client, operation, **values):
    status, body = client.call("sqs", operation, values)
    assert status == 200, body
    return body


@until_killed(Client)
def produce(client, ledger, name, counter):
    body = f"{name}-{next(counter)}"
    with ledger.lock:
        ledger.sent.add(body)
    call(client, "SendMessage", QueueUrl="load", MessageBody=body)
    with ledger.lock:
        ledger.acknowledged.add(body)


@until_killed(Client)
def consume(client, ledger):
    for message in call(client, "ReceiveMessage", QueueUrl="load", MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
        body = message["Body"]
        with ledger.lock:
            ledger.received(body)
            ledger.perhaps_deleted.add(body)
        call(client, "DeleteMessage", QueueUrl="load", ReceiptHandle=message["ReceiptHandle"])
        with ledger.lock:
            ledger.deleted.add(body)


@until_killed(Client)
def produce_in_order(client, ledger, name):
    group = ledger.groups[name]
    call(client, "SendMessage", QueueUrl="load.fifo", MessageBody=str(group.next), MessageGroupId=name,
         MessageDeduplicationId=f"{name}-{group.next}")
    group.next += 1


def take_in_order(client, ledger):
    taken = call(client, "ReceiveMessage", QueueUrl="load.fifo", MaxNumberOfMessages=10, WaitTimeSeconds=1,
                 MessageSystemAttributeNames=["MessageGroupId"]).get("Messages", [])
    for message in taken:
        name, number = message["Attributes"]["MessageGroupId"], int(message["Body"])
        group = ledger.groups[name]
        with ledger.lock:
            group.received(number, ledger.problems, name)
            group.perhaps = number
        status, body = client.call("sqs", "DeleteMessage", {"QueueUrl": "load.fifo", "ReceiptHandle": message["ReceiptHandle"]})
        if status != 200:
            assert "expired" in body.get("message", ""), body  # A pause that was too long: it comes again.
            return taken
        with ledger.lock:
            group.done = number
    return taken


consume_in_order = until_killed(take_in_order)


def drain(client, ledger):
    """Receives all that is left; nothing for longer than a visibility timeout means empty."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < VISIBILITY + 2:
        for message in call(client, "ReceiveMessage", QueueUrl="load", MaxNumberOfMessages=10).get("Messages", []):
            quiet_since = time.monotonic()
            ledger.received(message["Body"])
            call(client, "DeleteMessage", QueueUrl="load", ReceiptHandle=message["ReceiptHandle"])
            ledger.deleted.add(message["Body"])
        if take_in_order(client, ledger):
            quiet_since = time.monotonic()


def check(ledger):
    """What is wrong, or nothing."""
    lost = ledger.acknowledged - ledger.deleted - ledger.perhaps_deleted
    if lost:
        return f"{len(lost)} acknowledged messages are lost, such as {sorted(lost)[:3]}"
    for name, group in ledger.groups.items():
        if max(group.done, group.perhaps) < group.next - 1:
            return f"group {name}: {group.next - 1} were acknowledged, {group.done} came"
    return ledger.problems[0] if ledger.problems else None


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    ledger = Ledger()
    ledger.groups = {f"g{n}": Group() for n in range(3)}
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        client = Client(platform.port)
        call(client, "CreateQueue", QueueName="load", Attributes={"VisibilityTimeout": str(VISIBILITY)})
        call(client, "CreateQueue", QueueName="load.fifo",
             Attributes={"FifoQueue": "true", "VisibilityTimeout": str(VISIBILITY)})
        for number in range(rounds):
            port = platform.port
            work = [(produce, (port, ledger, f"{number}.{n}", iter(range(1 << 30)))) for n in range(4)]
            work += [(consume, (port, ledger))] * 4 + [(consume_in_order, (port, ledger))] * 2
            work += [(produce_in_order, (port, ledger, name)) for name in ledger.groups]
            threads = [threading.Thread(target=target, args=words) for target, words in work]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.2, 1.0))
            platform.kill()
            for thread in threads:
                thread.join()
            platform = Platform(data)
            assert not ledger.problems, f"round {number}: {ledger.problems[0]}"
        client = Client(platform.port)
        for name in ledger.groups:  # What is still unknown, once more.
            group = ledger.groups[name]
            call(client, "SendMessage", QueueUrl="load.fifo", MessageBody=str(group.next), MessageGroupId=name,
                 MessageDeduplicationId=f"{name}-{group.next}")
            group.next += 1
        drain(client, ledger)
        problem = check(ledger)
        assert problem is None, problem

        # The checker itself must be able to fail: a message taken behind its back, and one that comes twice.
        ledger.acknowledged.add("behind its back")
        assert "behind its back" in (check(ledger) or ""), "the checker does not notice a lost message"
        ledger.acknowledged.remove("behind its back")
        group = ledger.groups["g0"]
        call(client, "SendMessage", QueueUrl="load.fifo", MessageBody=str(group.next - 1), MessageGroupId="g0",
             MessageDeduplicationId="another")
        take_in_order(client, ledger)
        assert "group g0" in (check(ledger) or ""), "the checker does not notice a message that comes twice"
        assert platform.stop() == 0
    ordered = sum(group.next - 1 for group in ledger.groups.values())
    print(f"{rounds} kills; {len(ledger.acknowledged)} messages of the standard queue and {ordered} of the FIFO queue "
          "acknowledged, 0 lost, 0 after their delete, all in order")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
