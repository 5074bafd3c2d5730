"""Power failures under load: the tests of kill -9 once more, with only that left which had been synced."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(script, rounds, **environment):
    return subprocess.run([sys.executable, os.path.join(HERE, script), str(rounds)], capture_output=True, text=True,
                          env=dict(os.environ, MOONBASE_POWER_LOSS="yes", **environment))


def main(rounds):
    for script in ("kill.py", "queues.py", "packages.py", "objects.py"):
        result = run(script, rounds)
        assert result.returncode == 0, f"{script}: {result.stdout}{result.stderr}"
        print(f"{script}: {result.stdout.splitlines()[-1]}")
    # The control: a write-ahead log whose syncs are not believed must lose what was acknowledged.
    result = run("kill.py", 3, MOONBASE_DISK_FORGET=".sqlite-wal")
    lost = "are lost" in result.stderr or "ResourceNotFoundException" in result.stderr  # Items, or the whole table.
    assert result.returncode != 0 and lost, "what was not synced survives: the image is wrong"
    print(f"{rounds} power failures each, 0 lost; without syncs the checker sees the loss")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
