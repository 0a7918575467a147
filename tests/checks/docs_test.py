"""The documents say what the programs do: the finding of README.md, every member of every event in
docs/output-format.md, every option in the manual page.

usage: docs_test.py BIN_FOLDER SOURCE_FOLDER
"""
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import unittest

BIN, SOURCE = map(os.path.abspath, sys.argv[1:3])
SENSOR = os.path.join(BIN, "mxwarden-sensor")


def text(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def run(*args):
    done = subprocess.run([SENSOR, *args], cwd=SOURCE, capture_output=True, text=True)
    return done.stdout


def members(value, found):
    """Names of all members of a JSON value, but those that are data (rule ids under coverage)."""
    if isinstance(value, list):
        for item in value:
            members(item, found)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not re.fullmatch(r"R\d\d", name):
                found.add(name)
            members(inner, found)


class Documents(unittest.TestCase):
    def test_finding_of_the_readme(self):
        block = re.search(r"```\n\$ mxwarden-sensor (.*?[^\\])\n(.*?)```", text("README.md"), re.S)
        args = shlex.split(block.group(1).replace("\\\n", " "))
        printed = run(*args).split("\n")
        shown = block.group(2).split("\n")
        self.assertGreater(len(shown), 20)
        # The commit and the digest of the rules change with every build: the first line has words
        # in brackets for them, and everything else as it is printed.
        first = re.escape(shown.pop(0)).replace(r"\(commit\)", r"\([^()]+\)")
        self.assertRegex(printed.pop(0), "^" + first.replace(r"\(digest\)", "[0-9a-f]{12}") + "$")
        self.assertIsNone(re.search(r"\b[0-9a-f]{12}\b", first), "a digest that goes out of date")
        printed = iter(printed)
        for line in shown:
            if not line.startswith("  ("):  # what was left out, said in brackets
                self.assertTrue(any(line == p for p in printed), "not printed: " + line)

    def test_every_member_is_described(self):
        found, types = set(), set()
        captures = sorted(glob.glob(os.path.join(SOURCE, "pcaps", "*.pcap*")))
        self.assertGreater(len(captures), 50)
        for capture in captures:
            out = run(capture, "--policies", "pcaps/policies", "--ca-file", "pcaps/ca/lab-ca.pem",
                      "--own", "192.0.2.0/24", "--format", "eve", "--sensor-name", "s1")
            for line in out.splitlines():
                event = json.loads(line)
                types.add(event["event_type"])
                members(event, found)
        page = text("docs", "output-format.md")
        self.assertEqual(types, {"alert", "starttls", "smtp", "tls", "dns", "flow", "stats"})
        for kind in types:
            self.assertIn("### `%s`" % kind, page)
        described = set(re.findall(r"[a-z_0-9]+", page))
        self.assertEqual(sorted(found - described), [])

    def test_every_option_is_in_the_manual_page(self):
        page = text("docs", "man", "mxwarden-sensor.1")
        options = re.findall(r"^  (?:-\w \[ )?--([a-z-]+)", run("--help"), re.M)
        self.assertGreater(len(options), 20)
        for option in options:
            self.assertRegex(page, r"\.It .*Fl -%s( |\n)" % option)

    def test_every_macro_asked_for_is_in_the_manual_page(self):
        asked = re.findall(r'"([^"\n]*)"', re.sub(r"//.*|#.*", "", text("milter", "macros.hpp")))
        names = {name.strip("{}") for words in asked for name in words.split()}
        self.assertGreater(len(names), 10)
        page = text("docs", "man", "mxwarden-milter.8")
        macros = page[page.index(".Ss Macros"):page.index(".Ss TLS-Required")]
        told = {name for line in re.findall(r"^\.It Li (.*)$", macros, re.M)
                for name in line.split(" , ")}
        self.assertEqual(names, told)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
