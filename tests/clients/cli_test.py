"""The program's own subcommands, as a person types them."""
import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("MOONBASE", os.path.join(HERE, "../../build/moonbase"))

STACK = """local s = require "stack" { name = "till" }
local notes = s.table "notes" { key = "id:S", stream = true, indexes = { by_owner = "owner:S" } }
local greet = s.fn "greet" { handler = function(event)
  notes:put { id = event.name, owner = "cli" }
  print("greeting " .. event.name)
  return { text = "WORD " .. event.name }
end }
s.http_api "web" { routes = { ["GET /greet"] = function() return "WORD" end } }
return s
"""


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="moonbase-cli-")
        self.stack = os.path.join(self.folder.name, "stack.lua")
        self.data = os.path.join(self.folder.name, "data")
        self.write("hello")
        self.process = subprocess.Popen([PROGRAM, "up", "--port", "0", "--data", self.data, self.stack],
                                        stdout=subprocess.PIPE, text=True)
        self.printed = []
        for line in self.process.stdout:
            self.printed.append(line)
            if line.startswith("ready"):
                self.url = line.split()[1]
                break

    def tearDown(self):
        self.process.terminate()
        self.assertEqual(self.process.wait(), 0)
        self.process.stdout.close()
        self.folder.cleanup()

    def write(self, word):
        with open(self.stack, "w") as stack:
            stack.write(STACK.replace("WORD", word))

    def run_cli(self, *words, code=0, given=""):
        done = subprocess.run([PROGRAM, *words], input=given, capture_output=True, text=True,
                              env={**os.environ, "MOONBASE_ENDPOINT": self.url})
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_up_shows_what_it_made(self):
        text = "".join(self.printed)
        for made in ("+ table", "notes", "+ fn", "greet", "+ http_api", "/_aws/execute-api/"):
            self.assertIn(made, text)

    def test_a_changed_stack_is_applied_and_keeps_its_data(self):
        self.run_cli("invoke", "greet", '{"name":"ann"}')
        self.write("good day")
        began = time.monotonic()
        for line in self.process.stdout:
            if "greet" in line:
                break
        print(f"applied again after {(time.monotonic() - began) * 1000:.0f} ms (wanted: at most 500)")
        self.assertIn("good day ben", self.run_cli("invoke", "greet", '{"name":"ben"}'))
        item = json.loads(self.run_cli("call", "dynamodb", "GetItem",
                                       '{"TableName":"notes","Key":{"id":{"S":"ann"}}}'))
        self.assertEqual(item["Item"]["owner"], {"S": "cli"})

    def test_a_mistake_in_a_changed_stack_leaves_what_runs(self):
        with open(self.stack, "w") as stack:
            stack.write('local s = require "stack" { name = "till" }\ns.tabel "notes" { key = "id:S" }\nreturn s\n')
        problem = self.run_cli("plan", self.stack, code=1)
        self.assertIn("stack.lua:2: a stack has no s.tabel. Did you mean s.table?", problem)
        self.assertIn("hello ann", self.run_cli("invoke", "greet", '{"name":"ann"}'))

    def test_plan_says_what_would_change_and_changes_nothing(self):
        with open(self.stack) as stack:
            text = stack.read()
        other = os.path.join(self.folder.name, "other.lua")
        with open(other, "w") as stack:
            stack.write(text.replace("return s", 's.table "more" { key = "id:S" }\nreturn s'))
        self.assertIn("more", self.run_cli("plan", other))
        tables = json.loads(self.run_cli("call", "dynamodb", "ListTables"))["TableNames"]
        self.assertEqual(tables, ["notes"])

    def test_down_deletes_what_the_stack_made(self):
        self.run_cli("down", "till")
        self.assertEqual(json.loads(self.run_cli("call", "dynamodb", "ListTables"))["TableNames"], [])

    def test_invoke_shows_answer_and_log_and_fails_with_the_function(self):
        text = self.run_cli("invoke", "greet", '{"name":"ann"}')
        self.assertIn("hello ann", text)
        self.assertIn("greeting ann", text)
        self.assertIn("REPORT RequestId:", text)
        self.run_cli("invoke", "greet", "{}", code=1)

    def test_logs_and_status(self):
        self.run_cli("invoke", "greet", '{"name":"ann"}')
        self.assertIn("greeting ann", self.run_cli("logs", "greet"))
        self.assertIn("notes", self.run_cli("status"))

    def test_sql_shows_what_is_stored_and_changes_nothing(self):
        self.run_cli("invoke", "greet", '{"name":"ann"}')
        sql = lambda query, **more: self.run_cli("sql", "storage", query, "--data", self.data, "--json", **more)
        row = json.loads(sql('SELECT "table", item FROM items'))
        self.assertEqual(row["table"], "notes")
        self.assertEqual(json.loads(row["item"]), {"id": {"S": "ann"}, "owner": {"S": "cli"}})
        self.assertEqual(json.loads(sql('SELECT "index" FROM index_entries')), {"index": "by_owner"})
        self.assertEqual(json.loads(sql("SELECT event FROM stream_records")), {"event": "INSERT"})
        self.assertIn("readonly", sql("DELETE FROM dynamodb_item", code=1))
        self.assertIn("(1 row)", self.run_cli("sql", "storage", "--data", self.data, given="SELECT *\nFROM tables;\n"))
        self.assertIn("there is no plugin nothing", self.run_cli("sql", "nothing", "--data", self.data, code=1))

    def test_completion_names_every_subcommand(self):
        words = self.run_cli("completion", "bash")
        for word in ("up", "plan", "down", "sql", "doctor"):
            self.assertIn(word, words)

    def test_health_names_the_sandbox(self):
        with urllib.request.urlopen(self.url + "/_moonbase/health") as answer:
            self.assertIn("seccomp", json.load(answer)["sandbox"])


if __name__ == "__main__":
    unittest.main()
