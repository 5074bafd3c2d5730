"""EventBridge: 1,000 rules on a bus."""
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

from common import HERE, Moonbase, cpu_seconds


def events(options):
    """1,000 rules on a bus, 10 of which match each event. The target is a bus without rules; done is delivered."""
    moonbase = Moonbase(options.build, memory=False)

    def call(service, operation, given):
        request = urllib.request.Request(f"{moonbase.url}/_moonbase/call/{service}/{operation}", method="POST",
                                         data=json.dumps(given).encode())
        return urllib.request.urlopen(request).read()

    try:
        for name in ("bench", "nothing"):
            call("events", "CreateEventBus", {"Name": name})
        for i in range(1000):
            pattern = {"source": ["shop"], "detail": {"state": [f"state-{i // 10}"], "total": [{"numeric": [">", 100]}]}}
            call("events", "PutRule", {"Name": f"rule-{i}", "EventBusName": "bench", "EventPattern": json.dumps(pattern)})
            call("events", "PutTargets", {"Rule": f"rule-{i}", "EventBusName": "bench", "Targets": [
                {"Id": "1", "Arn": "arn:aws:events:us-east-1:000000000000:event-bus/nothing"}]})
        rates = []
        for _ in range(options.rounds):
            began, before = time.perf_counter(), cpu_seconds(moonbase.pid)
            output = subprocess.run(["wrk", "-t", "1", "-c", "16", "-d", f"{options.seconds}s", "-s",
                                     os.path.join(HERE, "events.lua"), moonbase.url + "/"],
                                    capture_output=True, text=True, check=True).stdout
            if "Non-2xx" in output:
                sys.exit(output)
            urllib.request.urlopen(urllib.request.Request(  # Answers when all that is due has been done.
                moonbase.url + "/_moonbase/clock", method="POST", data=b'{"advance":"0s"}')).read()
            count = 10 * int(re.search(r"(\d+) requests in", output).group(1))
            rates.append((count / (time.perf_counter() - began), (cpu_seconds(moonbase.pid) - before) / count * 1e6))
        rate, cpu_us = (statistics.median(column) for column in zip(*rates))
        print("\nEvents: 1,000 rules, 10 of which match; put and delivered, durable")
        print(f"  {'reached' if rate >= 5000 else 'SHORT  '} events a second: {rate:.0f} (wanted: at least 5000), "
              f"{10 * rate:.0f} deliveries a second, {cpu_us:.0f} us of CPU an event")
    finally:
        moonbase.stop()
