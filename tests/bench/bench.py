"""Moonbase beside nginx + Lua and others: CPU per request (user + system of the server, all its processes),
requests a second, latency; start-up and memory. Medians of rounds that alternate between the contenders."""
import argparse
import os
import subprocess
import sys

import events
import gateway
import objects
import queues
import runtimes
import tables
import topics


def functions(options):
    print("\nFunctions")
    sys.stdout.flush()
    subprocess.run([os.path.join(options.build, "tests/bench_environments")], check=True)


def main():
    parts = {"start": gateway.start, "gateway": gateway.gateway, "dynamodb": tables.dynamodb, "tables": tables.tables,
             "sqs": queues.sqs, "sqs-million": queues.sqs_million, "sqs-polls": queues.sqs_polls,
             "objects": objects.objects, "events": events.events, "sns": topics.fanout, "functions": functions,
             "invoke": runtimes.invoke_api, "offline": runtimes.offline, "neighbours": runtimes.neighbours,
             "runtimes": runtimes.runtimes}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--peer", required=True, help="nginx's Lua module, unpacked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--items", type=int, default=1_000_000, help="in the large table of `tables`")
    parser.add_argument("parts", nargs="*", choices=[*parts, []], help="which parts; none: all")
    options = parser.parse_args()
    for name in options.parts or parts:
        parts[name](options)


main()
