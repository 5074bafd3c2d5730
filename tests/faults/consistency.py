"""What DynamoDB promises about order, checked from outside, with and without kill -9.

- 16 clients compare-and-set one counter: every history must be linearizable.
- Transfers between accounts, each a transaction with an entry in a ledger, while the platform is killed:
  the sum never changes, not even for a reader in between, and every acknowledged entry is there.
- Write skew: two that may each leave only while the other is there never both leave.

Each check also runs against clients that do it wrong, and must then find something: otherwise it proves nothing."""
import argparse
import http.client
import random
import sys
import tempfile
import threading
import time

from moonbase import Client, Platform, create_table

ACCOUNTS, BALANCE = 8, 100


def key(name):
    return {"id": {"S": name}}


def call(client, operation, body, *errors):
    """The answer, or None where it is one of these errors."""
    status, answer = client.call("dynamodb", operation, body)
    if status == 200:
        return answer
    code = answer["error"]
    assert code in errors, (status, answer)
    return None


def put_number(client, name, number):
    call(client, "PutItem", {"TableName": "state", "Item": {**key(name), "n": {"N": str(number)}}})


def get_number(client, name):
    answer = call(client, "GetItem", {"TableName": "state", "Key": key(name), "ConsistentRead": True})
    return int(answer["Item"]["n"]["N"])


# --- compare and set --------------------------------------------------------------------------------

def count_up(port, operations, right, history, lock):
    client = Client(port)
    for _ in range(operations):
        began = time.monotonic()
        seen = get_number(client, "counter")
        with lock:
            history.append(("read", began, time.monotonic(), seen))
        began = time.monotonic()
        change = {"TableName": "state", "Item": {**key("counter"), "n": {"N": str(seen + 1)}}}
        if right:
            change.update(ConditionExpression="n = :seen", ExpressionAttributeValues={":seen": {"N": str(seen)}})
        if call(client, "PutItem", change, "ConditionalCheckFailedException") is not None:
            with lock:
                history.append(("set", began, time.monotonic(), seen + 1))


def linearizable(history):
    """What is wrong, or nothing. The counter's values are unique and only grow, so the order is known: each
    value is set once, in order, and a read sees a value that was set before it ended and not overtaken before
    it began."""
    sets = {}
    for kind, began, ended, value in history:
        if kind == "set":
            if value in sets:
                return f"{value} was set twice"
            sets[value] = (began, ended)
    if sorted(sets) != list(range(1, len(sets) + 1)):
        return "a value was left out"
    latest = 0.0
    for value in range(1, len(sets) + 1):
        if sets[value][1] < latest:
            return f"{value} was set before the value before it was begun"
        latest = max(latest, sets[value][0])
    for kind, began, ended, value in history:
        if kind != "read":
            continue
        if value and value not in sets:
            return f"a read saw {value}, which nobody set"
        if value and sets[value][0] > ended:
            return f"a read saw {value} before it was set"
        if value + 1 in sets and sets[value + 1][1] < began:
            return f"a read saw {value} although {value + 1} had been acknowledged"
    return None


def compare_and_set(platform, operations, right):
    put_number(Client(platform.port), "counter", 0)
    history, lock = [], threading.Lock()
    threads = [threading.Thread(target=count_up, args=(platform.port, operations // 32, right, history, lock))
               for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return linearizable(history), len(history)


# --- transfers --------------------------------------------------------------------------------------

def transfer_until_killed(port, name, seed, right, acknowledged):
    client, rng, number = Client(port), random.Random(seed), 0
    try:
        while True:
            source, target = rng.sample(range(ACCOUNTS), 2)
            amount = rng.randint(1, 30)
            entry = f"transfer {name}.{number}"
            number += 1
            steps = [
                {"TableName": "state", "Key": key(f"account {source}"), "UpdateExpression": "SET n = n - :a",
                 "ConditionExpression": "n >= :a", "ExpressionAttributeValues": {":a": {"N": str(amount)}}},
                {"TableName": "state", "Key": key(f"account {target}"), "UpdateExpression": "SET n = n + :a",
                 "ExpressionAttributeValues": {":a": {"N": str(amount)}}},
            ]
            ledger = {"TableName": "state", "Item": {**key(entry), "source": {"N": str(source)},
                                                     "target": {"N": str(target)}, "amount": {"N": str(amount)}}}
            if right:
                done = call(client, "TransactWriteItems",
                            {"TransactItems": [*({"Update": step} for step in steps), {"Put": ledger}]},
                            "TransactionCanceledException")
            else:
                done = call(client, "UpdateItem", steps[0], "ConditionalCheckFailedException")
                if done is not None:
                    call(client, "UpdateItem", steps[1])
                    call(client, "PutItem", ledger)
            if done is not None:
                acknowledged.add(entry)
    except (OSError, http.client.HTTPException):
        pass  # Killed: the last one is unknown.


def sum_until_killed(port, wrong):
    client = Client(port)
    wanted = {"TransactItems": [{"Get": {"TableName": "state", "Key": key(f"account {n}")}} for n in range(ACCOUNTS)]}
    try:
        while True:
            answer = call(client, "TransactGetItems", wanted)
            total = sum(int(each["Item"]["n"]["N"]) for each in answer["Responses"])
            if total != ACCOUNTS * BALANCE:
                wrong.append(f"a reader saw {total} in all accounts")
    except (OSError, http.client.HTTPException):
        pass


def audit(client, acknowledged):
    """What is wrong after a restart, or nothing."""
    items, start = {}, None
    while True:
        query = {"TableName": "state", "ConsistentRead": True, **({"ExclusiveStartKey": start} if start else {})}
        page = call(client, "Scan", query)
        items.update({item["id"]["S"]: item for item in page["Items"]})
        start = page.get("LastEvaluatedKey")
        if not start:
            break
    lost = [entry for entry in acknowledged if entry not in items]
    if lost:
        return f"{len(lost)} acknowledged transfers are lost"
    balances = [BALANCE] * ACCOUNTS
    for name, item in items.items():
        if name.startswith("transfer "):
            balances[int(item["source"]["N"])] -= int(item["amount"]["N"])
            balances[int(item["target"]["N"])] += int(item["amount"]["N"])
    found = [int(items[f"account {n}"]["n"]["N"]) for n in range(ACCOUNTS)]
    if found != balances:
        return f"the accounts hold {found}, the ledger says {balances}"
    if sum(found) != ACCOUNTS * BALANCE or min(found) < 0:
        return f"the accounts hold {found}"
    return None


def bank(data, platform, rounds, rng, right):
    client, acknowledged, wrong = Client(platform.port), set(), []
    for number in range(ACCOUNTS):
        put_number(client, f"account {number}", BALANCE)
    for number in range(rounds):
        done = [set() for _ in range(6)]
        threads = [threading.Thread(target=transfer_until_killed, args=(
            platform.port, f"{number}.{n}", rng.random(), right, done[n])) for n in range(6)]
        threads.append(threading.Thread(target=sum_until_killed, args=(platform.port, wrong)))
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.1, 0.5))
        platform.kill()
        for thread in threads:
            thread.join()
        for each in done:
            acknowledged |= each
        platform = Platform(data)
        problem = audit(Client(platform.port), acknowledged) or (wrong[0] if wrong else None)
        if problem:
            return platform, problem, len(acknowledged)
    return platform, None, len(acknowledged)


# --- write skew -------------------------------------------------------------------------------------

def leave(port, own, other, right, start, left):
    client = Client(port)
    start.wait()
    step = {"TableName": "state", "Key": key(own), "UpdateExpression": "SET n = :no",
            "ExpressionAttributeValues": {":no": {"N": "0"}}}
    check = {"TableName": "state", "Key": key(other), "ConditionExpression": "n = :yes",
             "ExpressionAttributeValues": {":yes": {"N": "1"}}}
    if right:
        done = call(client, "TransactWriteItems", {"TransactItems": [{"ConditionCheck": check}, {"Update": step}]},
                    "TransactionCanceledException", "TransactionConflictException")
    else:
        done = get_number(client, other) == 1 or None
        if done:
            time.sleep(0.002)
            call(client, "UpdateItem", step)
    if done is not None:
        left.append(own)


def write_skew(platform, cycles, right):
    client = Client(platform.port)
    both = 0
    for _ in range(cycles):
        for name in ("a", "b"):
            put_number(client, name, 1)
        start, left = threading.Barrier(2), []
        threads = [threading.Thread(target=leave, args=(platform.port, own, other, right, start, left))
                   for own, other in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if get_number(client, "a") + get_number(client, "b") == 0 or len(left) > 1:
            return "both left"
        both += len(left)
    return None if both else "nobody could leave"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills during transfers")
    parser.add_argument("--operations", type=int, default=8000, help="compare-and-set operations")
    options = parser.parse_args()
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    failures = 0
    for right in (True, False):
        with tempfile.TemporaryDirectory() as data:
            platform = Platform(data)
            create_table(Client(platform.port), "state")
            problem, count = compare_and_set(platform, options.operations if right else 3200, right)
            outcomes = [(f"compare and set, {count} operations", problem)]
            outcomes.append(("write skew", write_skew(platform, 200 if right else 50, right)))
            platform, problem, count = bank(data, platform, options.rounds, rng, right)
            outcomes.append((f"{count} transfers, {options.rounds} kills", problem))
            platform.kill()
        for name, problem in outcomes:
            failed = bool(problem) == right
            failures += failed
            print(f"{'FAILED' if failed else 'ok'}: {name}{'' if right else ', done wrong'}: {problem or 'nothing wrong'}")
    return failures > 0


sys.exit(main())
