"""kill -9 under publishers: whatever SNS and EventBridge have acknowledged reaches every queue; of a FIFO topic in
order, and once."""
import http.client
import json
import random
import sys
import tempfile
import threading
import time

from moonbase import Client, Platform

QUEUES = ("first", "second")


def call(client, service, operation, **values):
    status, body = client.call(service, operation, values)
    assert status == 200, body
    return body


def arn(service, name):
    return f"arn:aws:{service}:us-east-1:000000000000:{name}"


def publish(port, name, acknowledged, lock):
    """Until the platform is killed. The call in flight then is unknown."""
    number = 0
    try:
        client = Client(port)
        while True:
            message = f"{name}-{number}"
            call(client, "sns", "Publish", TopicArn=arn("sns", "news"), Message=message)
            with lock:
                acknowledged.add(message)
            number += 1
    except (OSError, http.client.HTTPException):
        pass


def put_events(port, name, acknowledged, lock):
    number = 0
    try:
        client = Client(port)
        while True:
            names = [f"{name}-{number}-{i}" for i in range(3)]
            answer = call(client, "events", "PutEvents", Entries=[
                {"Source": "shop", "DetailType": "test", "Detail": json.dumps({"name": each})} for each in names])
            assert answer["FailedEntryCount"] == 0, answer
            with lock:
                acknowledged.update(names)
            number += 1
    except (OSError, http.client.HTTPException):
        pass


def publish_in_order(port, line):
    """As SDKs do, what is unknown is sent again, with the same deduplication id."""
    try:
        client = Client(port)
        while True:
            call(client, "sns", "Publish", TopicArn=arn("sns", "steps.fifo"), Message=str(line["next"]),
                 MessageGroupId="g", MessageDeduplicationId=f"step-{line['next']}")
            line["next"] += 1
    except (OSError, http.client.HTTPException):
        pass


def drain(client, queue):
    """All bodies, when nothing has come for a while."""
    bodies, quiet_since = [], time.monotonic()
    while time.monotonic() - quiet_since < 3:
        messages = call(client, "sqs", "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in messages:
            bodies.append(message["Body"])
        if messages:
            quiet_since = time.monotonic()
            call(client, "sqs", "DeleteMessageBatch", QueueUrl=queue, Entries=[
                {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)])
    return bodies


def lost_of(acknowledged, found):
    lost = acknowledged - set(found)
    return f"{len(lost)} of {len(acknowledged)} are lost, such as {sorted(lost)[:3]}" if lost else None


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    acknowledged, put, lock, line = set(), set(), threading.Lock(), {"next": 1}
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        client = Client(platform.port)
        call(client, "sns", "CreateTopic", Name="news")
        call(client, "sns", "CreateTopic", Name="steps.fifo", Attributes={"FifoTopic": "true"})
        for queue in QUEUES:
            call(client, "sqs", "CreateQueue", QueueName=queue)
            call(client, "sns", "Subscribe", TopicArn=arn("sns", "news"), Protocol="sqs", Endpoint=arn("sqs", queue),
                 Attributes={"RawMessageDelivery": "true"})
        call(client, "sqs", "CreateQueue", QueueName="steps.fifo", Attributes={"FifoQueue": "true"})
        call(client, "sns", "Subscribe", TopicArn=arn("sns", "steps.fifo"), Protocol="sqs", Endpoint=arn("sqs", "steps.fifo"),
             Attributes={"RawMessageDelivery": "true"})
        call(client, "sqs", "CreateQueue", QueueName="events")
        call(client, "events", "PutRule", Name="all", EventPattern='{"source":["shop"]}')
        call(client, "events", "PutTargets", Rule="all", Targets=[{"Id": "1", "Arn": arn("sqs", "events")}])
        for number in range(rounds):
            threads = [threading.Thread(target=put_events, args=(platform.port, f"{number}.{n}", put, lock)) for n in range(2)]
            threads += [threading.Thread(target=publish, args=(platform.port, f"{number}.{n}", acknowledged, lock)) for n in range(3)]
            threads.append(threading.Thread(target=publish_in_order, args=(platform.port, line)))
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.2, 0.8))
            platform.kill()
            for thread in threads:
                thread.join()
            platform = Platform(data)
        client = Client(platform.port)
        call(client, "sns", "Publish", TopicArn=arn("sns", "steps.fifo"), Message=str(line["next"]), MessageGroupId="g",
             MessageDeduplicationId=f"step-{line['next']}")
        for queue in QUEUES:
            found = drain(client, queue)
            assert not lost_of(acknowledged, found), lost_of(acknowledged, found)
            # The check itself must be able to fail.
            victim = found[0]
            assert victim in lost_of(acknowledged, [each for each in found if each != victim])
        events = [json.loads(body)["detail"]["name"] for body in drain(client, "events")]
        assert not lost_of(put, events), lost_of(put, events)
        steps = [int(body) for body in drain(client, "steps.fifo")]
        wanted = list(range(1, line["next"] + 1))
        wrong = next((i for i, (got, want) in enumerate(zip(steps, wanted)) if got != want), None)
        assert steps == wanted, f"of {len(wanted)} steps {len(steps)} came, the first wrong one at {wrong}"
        assert platform.stop() == 0
    assert acknowledged and put, "nothing was published"
    print(f"{rounds} rounds: {len(acknowledged)} messages to {len(QUEUES)} queues, {len(steps)} steps in order, "
          f"{len(put)} events, none lost")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
