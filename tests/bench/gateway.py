"""A GET route with a Lua function behind it; start-up and idle memory."""
import os
import statistics
import time

from common import HERE, Moonbase, Nginx, alternate, check, pss_mb, show


def gateway(options):
    nginx, moonbase = Nginx(options.peer), Moonbase(options.build, os.path.join(HERE, "stack.lua"))
    try:
        base = "/_aws/execute-api/bench/prod"
        contenders = {"nginx + Lua": (nginx, "/product/42?a=1", None),
                      "function, own process": (moonbase, base + "/isolated/42?a=1", None),
                      "function, inline": (moonbase, base + "/inline/42?a=1", None)}
        few = alternate(contenders, options.rounds, 64, options.seconds)
        show("GET route -> gateway -> Lua function, 64 connections", few, "nginx + Lua")
        many = alternate(contenders, options.rounds, 900, options.seconds)
        show("The same, 900 connections", many, "nginx + Lua")
        print()
        yard = few["nginx + Lua"][0]
        check("own process against nginx + Lua", few["function, own process"][0] / yard, 1.2, "x")
        check("inline against nginx + Lua", few["function, inline"][0] / yard, 0.75, "x")
        change = {name: many[name][0] / few[name][0] for name in few}
        check("change from 64 to 900 connections", change["function, own process"], round(change["nginx + Lua"], 2), "x")
    finally:
        nginx.stop()
        moonbase.stop()


def start(options):
    shop = os.path.join(HERE, "../../examples/shop/stack.lua")
    empty, stacked = [], []
    for _ in range(options.rounds):
        for words, times in (((), empty), ((shop,), stacked)):
            moonbase = Moonbase(options.build, *words)
            times.append(moonbase.start_ms)
            moonbase.stop()
    moonbase = Moonbase(options.build, shop)
    time.sleep(1)
    memory = pss_mb(moonbase.pid)
    moonbase.stop()
    print("\nStart and idle memory")
    check("start to ready, no stack", statistics.median(empty), 50, "ms")
    check("start to ready, the shop", statistics.median(stacked), 150, "ms")
    check("idle memory with the shop (PSS, all processes)", memory, 25, "MB")
