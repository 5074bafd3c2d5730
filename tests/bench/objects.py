"""S3: objects of several sizes put and got, durably. What lies in a row and what in a file is seen at 128 KB."""
import os
import urllib.request

from common import Moonbase, alternate, check, show

SIZES = {"1 KB": 1 << 10, "16 KB": 16 << 10, "48 KB": 48 << 10, "128 KB": 128 << 10, "144 KB": 144 << 10,
         "1 MB": 1 << 20}


def objects(options):
    moonbase = Moonbase(options.build, memory=False)
    try:
        urllib.request.urlopen(urllib.request.Request(moonbase.url + "/bench", method="PUT"))
        measured = {}
        for name, size in SIZES.items():
            for method in ("PUT", "GET"):
                os.environ.update(OBJECT_METHOD=method, OBJECT_BYTES=str(size))
                what = f"{method} {name}"
                measured.update(alternate({what: (moonbase, "/", "objects.lua")}, options.rounds, 16, options.seconds))
        show("Objects, durable, 16 connections", measured, "GET 1 KB")
        print()
        check("a PUT against a GET, 1 KB", measured["PUT 1 KB"][0] / measured["GET 1 KB"][0], 5, "x")
        check("a GET of 1 MB, a byte", measured["GET 1 MB"][0] / (1 << 20) * 1000, 0.6, "ns")
        check("a PUT of 1 MB, a byte", measured["PUT 1 MB"][0] / (1 << 20) * 1000, 6, "ns")
    finally:
        moonbase.stop()
