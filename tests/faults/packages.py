"""kill -9 while functions are created: what was acknowledged is there afterwards and runs its own code."""
import base64
import http.client
import io
import random
import sys
import tempfile
import threading
import time
import zipfile

from moonbase import Client, Platform


def package(answer):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("main.lua", f'function handler() return "{answer}" end')
    return base64.b64encode(archive.getvalue()).decode()


def create_until_killed(port, prefix, acknowledged):
    try:
        client = Client(port)
        for number in range(1 << 30):
            name = f"{prefix}-{number}"
            status, body = client.call("lambda", "CreateFunction", {
                "FunctionName": name, "Runtime": "lua", "Handler": "main.handler",
                "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": package(name)}})
            assert status in (200, 201), body
            acknowledged.append(name)
    except (OSError, http.client.HTTPException):
        pass  # Killed: the last one is unknown.


def problem_of(client, name):
    """What is wrong with this function, or nothing."""
    status, body = client.call("lambda", "Invoke", {"FunctionName": name})
    answer = base64.b64decode(body["Payload"]).decode() if status == 200 else str(body)
    return None if answer == f'"{name}"' else f"{name} answers {answer}"


def main(rounds):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    total = 0
    with tempfile.TemporaryDirectory() as data:
        platform = Platform(data)
        for number in range(rounds):
            made = [[] for _ in range(3)]
            threads = [threading.Thread(target=create_until_killed, args=(platform.port, f"f{number}-{n}", made[n]))
                       for n in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.05, 0.4))
            platform.kill()
            for thread in threads:
                thread.join()
            platform = Platform(data)
            client = Client(platform.port)
            for name in sum(made, []):
                problem = problem_of(client, name)
                assert problem is None, f"round {number}: lost: {problem}"
                total += 1
        assert problem_of(client, "never made"), "the checker does not notice a lost function"
        assert platform.stop() == 0
    print(f"{rounds} kills, {total} functions acknowledged, 0 lost")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
