"""mxwarden as people run it: brakes and their log, lint against the shared vectors, help and manual
page.

usage: cli_test.py BIN_FOLDER SOURCE_FOLDER
MXWARDEN_VECTORS names the folder with mta-sts.tsv; without it those rows are not compared.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN, SOURCE = map(os.path.abspath, sys.argv[1:3])
TOOL = os.path.join(BIN, "mxwarden")
VECTORS = os.environ.get("MXWARDEN_VECTORS")
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}


def run(*args, data=b""):
    done = subprocess.run([TOOL, *args], capture_output=True, input=data)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def unescape(text):
    """The octets of a vector."""
    def one(found):
        word = found.group(1)
        if word[:1] == b"x":
            return bytes([int(word[1:], 16)])
        return ESCAPES.get(word, word)
    return re.sub(rb"\\(x[0-9a-f]{2}|.)", one, text.encode())


class Brakes(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="mxw-cli-")
        self.addCleanup(shutil.rmtree, self.home)

    def call(self, *args, code=0):
        got, out, err = run(*args, "--operator-dir", self.home)
        self.assertEqual(got, code, out + err)
        return out + err

    def file(self, *name):
        with open(os.path.join(self.home, *name), encoding="utf-8") as f:
            return f.read()

    def log(self):
        return [json.loads(line) for line in self.file("operator.log").splitlines()]

    def status(self):
        return json.loads(self.call("enforcement", "status", "--json"))

    def block_log(self):
        path = os.path.join(self.home, "operator.log")
        if os.path.exists(path):
            os.remove(path)
        os.mkdir(path)  # so that root cannot write it either

    def test_off_and_on(self):
        out = self.call("enforcement", "off", "--for", "90s", "--reason", "trouble")
        self.assertTrue(out.startswith("enforcement is off until "))
        self.assertEqual(os.stat(os.path.join(self.home, "enforcement.json")).st_mode & 0o777, 0o664)
        self.assertTrue(self.status()["enforcement"]["off"])
        self.assertEqual(self.call("enforcement", "on", "--reason", "over").splitlines()[0],
                         "enforcement is no longer off")
        self.assertFalse(self.status()["enforcement"]["off"])
        self.call("enforcement", "on", "--reason", "again")
        self.assertEqual([line["action"] for line in self.log()],
                         ["enforcement-off", "enforcement-on", "enforcement-on"])
        self.assertRegex(self.log()[0]["who"], r"\(uid \d+\)$")

    def test_brakes_of_domains(self):
        self.call("policy", "bypass", "A.Test", "--reason", "r")
        self.call("policy", "report-only", "b.test", "--for", "7d", "--reason", "r")
        self.call("policy", "pin", "c.test", "--mx", "*.C.test", "--reason", "r")
        said = {d["domain"]: d for d in self.status()["domains"]}
        self.assertEqual({d: said[d]["action"] for d in said},
                         {"a.test": "bypass", "b.test": "report_only", "c.test": "pin"})
        self.assertTrue(all(d["holds"] for d in said.values()))
        self.assertNotIn("until", said["c.test"])
        self.assertEqual(said["c.test"]["mx"], ["*.c.test"])
        for domain in said:
            self.assertIn("released", self.call("policy", "release", domain))
        self.assertEqual(self.status()["domains"], [])
        self.assertIn("neither", self.call("policy", "release", "a.test"))

    def test_without_a_log_brakes_work_and_what_is_stricter_is_refused(self):
        self.call("policy", "pin", "p.test", "--reason", "r")
        self.block_log()
        for args in (["enforcement", "off"], ["policy", "bypass", "a.test"],
                     ["policy", "report-only", "b.test"]):
            self.assertIn("not logged", self.call(*args, "--reason", "r"))
        for args in (["enforcement", "on"], ["policy", "pin", "c.test"],
                     ["policy", "release", "a.test"]):
            self.assertIn("nothing was changed", self.call(*args, "--reason", "r", code=4))
        self.call("policy", "release", "p.test")
        status = self.status()
        self.assertTrue(status["enforcement"]["off"])
        self.assertEqual([d["domain"] for d in status["domains"]], ["a.test", "b.test"])

    def test_what_is_refused_writes_nothing(self):
        for args in (["enforcement", "off"], ["enforcement", "off", "--reason", ""],
                     ["enforcement", "off", "--reason", "r", "--for", "8d"],
                     ["enforcement", "off", "--reason", "r", "--for", "soon"],
                     ["enforcement", "on"], ["policy", "bypass", "--reason", "r"],
                     ["policy", "bypass", "a.test", "b.test", "--reason", "r"],
                     ["policy", "bypass", "192.0.2.1", "--reason", "r"],
                     ["policy", "bypass", "../x", "--reason", "r"],
                     ["policy", "bypass", "a.test", "--reason", "r", "--mx", "mx.test"],
                     ["policy", "pin", "a.test", "--reason", "r", "--mx", "192.0.2.1"]):
            self.call(*args, code=2)
        self.assertEqual(os.listdir(self.home), [])

    def test_a_wrong_configuration_does_not_hide_the_way_out(self):
        path = os.path.join(self.home, "mxwarden.toml")
        with open(path, "w", encoding="utf-8") as f:
            f.write("paths = 7\n")
        code, _, err = run("enforcement", "off", "--reason", "r", "--config", path)
        self.assertEqual(code, 2)
        self.assertIn("--operator-dir", err)
        with open(path, "w", encoding="utf-8") as f:
            f.write('[paths]\noperator = "%s"\n' % self.home)
        self.assertEqual(run("enforcement", "off", "--reason", "r", "--config", path)[0], 0)
        self.assertTrue(self.status()["enforcement"]["off"])


def lint(*args, data=b""):
    code, out, err = run("policy", "lint", *args, data=data)
    return code, json.loads(out), err


def txt_words(txt):
    return "valid id=" + txt["id"] if txt["valid"] else "invalid:" + txt["reason"]


def policy_words(policy):
    if not policy["valid"]:
        return "invalid:" + policy["reason"]
    return "valid mode=%s max_age=%d mx=%s" % (policy["mode"], policy["max_age"],
                                               ",".join(policy["mx"]) or "-")


def records(text):
    out = []
    for join, part in re.findall(r'([\[,+]) ?"([^"]*)"', text):
        if join == "+":
            out[-1] += part
        else:
            out.append(part)
    return out


class Lint(unittest.TestCase):
    def row_txt(self, text, expected, _):
        code, out, _ = lint("--txt", os.fsdecode(unescape(text)))
        self.assertEqual(txt_words(out["txt"]), expected)
        self.assertEqual(code, 0 if out["txt"]["valid"] else 1)

    def row_txtset(self, text, expected, _):
        if not text.startswith("["):
            return  # the lookup failed: there is nothing to lint
        args = [a for record in records(text) for a in ("--txt", record)]
        code, out, _ = lint(*args)
        self.assertEqual("no policy" if code else txt_words(out["txt"]), expected)

    def row_policy(self, text, expected, remark):
        code, out, _ = lint("--body", "-", data=unescape(text))
        policy = out["policy"]
        if expected == "invalid":
            expected += ":" + remark
        self.assertEqual(policy_words(policy), expected)
        self.assertEqual(code, 0 if policy["valid"] else 1)
        if policy["valid"]:
            self.assertTrue(policy["tolerant"]["valid"])
            self.assertEqual(policy["tolerant"]["forgiven"], [])
            self.assertEqual(any("capped" in w for w in policy["warnings"]), remark == "capped")

    def row_match(self, text, expected, _):
        patterns, host = text.split(" <- ")
        body = "version: STSv1\nmode: enforce\nmax_age: 86400\n"
        body += "".join("mx: %s\n" % p for p in patterns.split("|"))
        _, out, _ = lint("--body", "-", "--mx", host, data=body.encode())
        self.assertEqual(out["match"], {host: expected == "match"})

    @unittest.skipUnless(VECTORS, "vectors absent: not compared")
    def test_vectors(self):
        kinds = {"txt": 0, "txtset": 0, "policy": 0, "match": 0}
        with open(os.path.join(VECTORS, "mta-sts.tsv"), encoding="utf-8", newline="\n") as f:
            for number, line in enumerate(f, 1):
                columns = line.rstrip("\n").split("\t")
                if columns[0] not in kinds:
                    continue
                kinds[columns[0]] += 1
                expected, _, remark = columns[3].partition(" (")
                with self.subTest(line=number, input=columns[1]):
                    getattr(self, "row_" + columns[0])(columns[1], expected, remark[:-1])
        self.assertEqual(kinds, {"txt": 35, "txtset": 11, "policy": 63, "match": 27})

    def test_strict_and_tolerant_side_by_side(self):
        code, out, _ = lint("--txt", " v=STSv1;; id=a", "--body", "-",
                            data=b"version: STSv1\n mode: none\nmax_age: 1\n")
        self.assertEqual(code, 1)
        self.assertFalse(out["txt"]["valid"])
        self.assertEqual(out["txt"]["tolerant"]["id"], "a")
        self.assertEqual(out["policy"]["line"], 2)
        self.assertEqual(out["policy"]["tolerant"]["forgiven"], ["line 2: indented"])

    def test_sizes_and_usage(self):
        code, out, _ = lint("--body", "-", data=b"a" * 65537)
        self.assertEqual((code, out["policy"]["reason"]), (1, "too large"))
        self.assertEqual(run("policy", "lint")[0], 2)
        self.assertEqual(run("policy", "lint", "--txt", "a", "--mx", "b")[0], 2)
        self.assertEqual(run("policy", "lint", "--body", "/nonexistent")[0], 3)


class Check(unittest.TestCase):
    def test_nobody_answers(self):
        code, out, _ = run("policy", "check", "example.org", "--resolver", "127.0.0.1:1", "--json")
        self.assertEqual(code, 4)
        self.assertEqual(json.loads(out)["verdict"], "unknown")
        _, out, _ = run("policy", "check", "example.org", "--resolver", "127.0.0.1:1")
        self.assertIn("could not be found out", out.splitlines()[0])
        self.assertNotIn("\033", out)  # no terminal

    def test_usage(self):
        for args in ([], ["192.0.2.1"], ["a.test", "--resolver", "ns.test"],
                     ["a.test", "--resolver", "192.0.2.1", "--allow", "x"]):
            self.assertEqual(run("policy", "check", *args)[0], 2, args)


class Help(unittest.TestCase):
    def verbs(self):
        return re.findall(r"^  ([a-z]+(?: [a-z-]+)?)(?: [A-Z.a-z]+)?  ", run("--help")[1], re.M)

    def test_every_verb_and_option_is_in_the_manual_page(self):
        with open(os.path.join(SOURCE, "docs", "man", "mxwarden.1"), encoding="utf-8") as f:
            page = f.read()
        verbs = self.verbs()
        self.assertGreater(len(verbs), 9)
        for verb in verbs:
            with self.subTest(verb=verb):
                code, out, _ = run(*verb.split(), "--help")
                self.assertEqual(code, 0)
                self.assertIn("\nExit: ", out)
                section = re.search(r"^\.It Cm %s(?: .*)?\n(?:.*\n)*?(?=\.It Cm |\.El\n\.Sh)" % verb, page, re.M)
                self.assertIsNotNone(section, "no section: " + verb)
                for option in re.findall(r"^  --([a-z-]+)", out, re.M):
                    self.assertRegex(section.group(), r"Fl -%s\b" % option)

    def test_unknown_words_are_refused_with_a_hint(self):
        self.assertEqual(run()[0], 2)
        self.assertEqual(run("polcy")[0], 2)
        code, _, err = run("policy", "bypas", "a.test")
        self.assertEqual(code, 2)
        self.assertIn("policy bypass", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
