"""What cannot start says so in one sentence, and exits with another code than 0."""
import os
import shutil
import socket
import subprocess
import tempfile

PROGRAM = os.environ.get("MOONBASE", "build/moonbase")


def refused(*words, port=0):
    run = subprocess.run([PROGRAM, "up", "--memory", "--port", str(port), *words], capture_output=True, text=True, timeout=30)
    assert run.returncode not in (0, None) and run.returncode > 0, run
    assert "ready" not in run.stdout
    lines = [line for line in run.stderr.splitlines() if line.startswith("moonbase: ")]
    assert len(lines) == 1, run.stderr
    print(lines[0])
    return lines[0]


def main():
    with tempfile.TemporaryDirectory() as folder:
        def stack(text):
            path = os.path.join(folder, "stack.lua")
            with open(path, "w") as file:
                file.write(text)
            return path

        assert "stack.lua:2: unexpected symbol" in refused(stack("local s = 1\n= nonsense"))
        assert "Did you mean s.table?" in refused(stack('local s = require "stack" { name = "x" }\ns.tabel "t" {}'))
        assert "there is no stack" in refused(os.path.join(folder, "absent.lua"))
        assert "there is no such file" in refused("--plugin", os.path.join(folder, "absent.so"))

        # A shared library that is no plugin.
        other = os.path.join(folder, "other.so")
        shutil.copy(os.path.join(os.path.dirname(PROGRAM), "libmoonbase-sdk.so"), other)
        assert "has no descriptor" in refused("--plugin", other)
        os.chmod(other, 0o777)
        assert "everybody may write to it" in refused("--plugin", other)

        # A plugin of another interface version: the number is changed in a copy of a real one.
        plugins = os.path.join(os.path.dirname(PROGRAM), "plugins")
        with open(os.path.join(plugins, "workflows.so"), "rb") as file:
            image = file.read()
        descriptor = image.find(b"esabnoom")  # plugin_magic, as it lies in memory.
        assert descriptor > 0
        old = os.path.join(folder, "old.so")
        with open(old, "wb") as file:
            file.write(image[:descriptor + 8] + (0).to_bytes(4, "little") + image[descriptor + 12:])
        assert "the plugin is older than this Moonbase" in refused("--plugin", old)

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            assert "port" in refused(port=taken.getsockname()[1])


main()
