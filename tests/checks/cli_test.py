"""mxwarden as people run it: brakes and their log, lint against the shared vectors, help and manual
page.

usage: cli_test.py BIN_FOLDER SOURCE_FOLDER
MXWARDEN_VECTORS names the folder with mta-sts.tsv; without it those rows are not compared.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
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

    def test_files_that_cannot_be_read_are_not_taken_for_none(self):
        path = os.path.join(self.home, "file")
        open(path, "w").close()
        code, out, _ = run("enforcement", "status", "--operator-dir", path)
        self.assertEqual(code, 4)
        self.assertIn("is not known", out)
        self.assertNotIn("not off", out)

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


class NameServer(threading.Thread):
    """Says `v=STSv1; id=1` for every TXT question, SERVFAIL for A of mta-sts names, else NODATA."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def run(self):
        while True:
            message, peer = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(message), peer)

    @staticmethod
    def answer(message):
        end = message.index(b"\0", 12) + 5
        name, kind = message[12:end - 4], int.from_bytes(message[end - 4:end - 2], "big")
        text = b"v=STSv1; id=1"
        record = b"\xc0\x0c\0\x10\0\1\0\0\1\0" + (len(text) + 1).to_bytes(2, "big")
        record = record + bytes([len(text)]) + text if kind == 16 else b""
        failed = kind == 1 and name.lower().startswith(b"\x07mta-sts")
        head = message[:2] + (b"\x81\x82" if failed else b"\x81\x80")
        return head + b"\0\1\0%c\0\0\0\0" % bool(record) + message[12:end] + record


class Check(unittest.TestCase):
    def test_a_failed_lookup_of_the_policy_host_is_not_a_missing_host(self):
        server = NameServer()
        server.start()
        self.addCleanup(server.socket.close)
        code, out, _ = run("policy", "check", "example.org", "--resolver", server.address, "--json")
        said = json.loads(out)
        self.assertTrue(said["record"]["valid"])
        self.assertEqual(said["policy"]["fetch"], "address_unknown")
        point = said["policy"]["points"][0]
        self.assertEqual(point["grade"], "unknown")
        self.assertEqual(point["text"],
                         "the address of mta-sts.example.org could not be looked up: A: servfail")
        _, out, _ = run("policy", "check", "example.org", "--resolver", server.address)
        self.assertIn("whether example.org has an MTA-STS policy could not be found out", out)
        self.assertNotIn("A or AAAA record of a public address", out)

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


class Impact(unittest.TestCase):
    def test_every_member_is_described(self):
        line = {"v": 1, "time": "2026-11-21T08:00:00Z", "seconds": 60, "domain": "a.test",
                "map": "postfix", "kind": "domain", "answer": "notfound", "would_be": "secure",
                "basis": "sts", "held": "bypass", "count": 3, "mx": ["mx.a.test"]}
        with tempfile.TemporaryDirectory(prefix="mxw-cli-") as home:
            with open(os.path.join(home, "answers.ndjson"), "w", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
            args = ("impact", "--answers", home, "--since", "3650d", "--socket", home + "/none")
            code, out, _ = run(*args, "--json")
            text = run(*args)[1]
        self.assertEqual(code, 0)
        said = json.loads(out)
        self.assertEqual((said["would_bind"], said["routes_known"]), (3, False))
        self.assertIn("MX hosts not compared: policyd does not answer", text)
        with open(os.path.join(SOURCE, "docs", "output-format.md"), encoding="utf-8") as f:
            page = f.read().split("## `mxwarden impact --json`")[1].split("\n## ")[0]
        described = set(re.findall(r"`([a-z_]+)`", page)) | {"v"}
        self.assertEqual((set(said) | set(said["domains"][0]) | set(said["held"])) - described,
                         set())


class Help(unittest.TestCase):
    def verbs(self):
        return re.findall(r"^  ([a-z]+(?: [a-z-]+)?)(?: [][A-Z.a-z|]+)*?  ", run("--help")[1], re.M)

    def test_help_goes_to_standard_output_and_succeeds(self):
        verbs = self.verbs()
        groups = {verb.split()[0] for verb in verbs if " " in verb}
        self.assertEqual(groups, {"policy", "enforcement", "report"})
        for words in [""] + sorted(groups) + verbs:
            for args in (words.split() + ["--help"], words.split() + ["-h"],
                         ["help"] + words.split()):
                with self.subTest(args=args):
                    code, out, err = run(*args)
                    self.assertEqual((code, err), (0, ""))
                    self.assertTrue(out.startswith("usage: mxwarden"))
                    self.assertEqual(out, run(*words.split(), "--help")[1])
        for group in groups:
            listed = re.findall(r"^  (%s [a-z-]+)" % group, run(group, "--help")[1], re.M)
            self.assertEqual(listed, [v for v in verbs if v.startswith(group + " ")])

    def test_help_is_found_behind_what_was_typed_already(self):
        for args in (["policy", "show", "a.test", "--help"],
                     ["policy", "pin", "a.test", "--mx", "mx.a.test", "-h"]):
            code, out, _ = run(*args)
            self.assertEqual((code, out), (0, run(*args[:2], "--help")[1]))
        self.assertEqual(run("help", "policy", "show", "a.test"), run("policy", "show", "--help"))
        # A value is taken as it is.
        self.assertEqual(run("policy", "bypass", "192.0.2.1", "--reason", "--help")[0], 2)

    def test_an_unknown_option_is_refused_on_standard_error(self):
        for verb in self.verbs() + ["policy", "enforcement", "report"]:
            with self.subTest(verb=verb):
                code, out, err = run(*verb.split(), "--no-such-option")
                self.assertEqual((code, out), (2, ""))
                self.assertIn("--no-such-option", err)
                self.assertIn("mxwarden %s --help" % verb, err)
        for args in (["--no-such-option"], ["help", "polcy"], ["help", "policy", "bypas"]):
            code, out, err = run(*args)
            self.assertEqual((code, out), (2, ""))
            self.assertIn("--help", err)

    def page(self):
        with open(os.path.join(SOURCE, "docs", "man", "mxwarden.1"), encoding="utf-8") as f:
            return f.read()

    def sections(self):
        """Verb -> its part of the manual page."""
        found = re.findall(r"^\.It Cm ([a-z -]+?)(?: Ar .*)?\n((?:.*\n)*?)(?=\.It Cm |\.El\n\.Sh)",
                           self.page(), re.M)
        return dict(found)

    def test_the_manual_page_has_every_verb_and_option_and_no_other(self):
        verbs, sections = self.verbs(), self.sections()
        self.assertGreater(len(verbs), 15)
        self.assertEqual(sorted(verbs), sorted(sections))
        for verb in verbs:
            with self.subTest(verb=verb):
                out = run(*verb.split(), "--help")[1]
                self.assertIn("\nExit: ", out)
                options = set(re.findall(r"^  --([a-z-]+)", out, re.M))
                # What other programs are run with stands behind their names.
                told = re.sub(r"^\.(Xr|Nm) \S+.*|recorded with\n\.Fl .*|for its\n\.Fl .*|pin with\n\.Fl .*", "",
                              sections[verb], flags=re.M)
                self.assertEqual(options, set(re.findall(r"\bFl -([a-z-]+)", told)))

    def test_the_synopsis_has_every_verb(self):
        synopsis = self.page().split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
        listed = set()
        for line in re.findall(r"^\.Cm (.*)$", synopsis, re.M):
            first, *rest = line.split(" | ")
            head = first.split()[:-1]
            listed |= {first} | {" ".join(head + [one]) for one in rest}
        self.assertEqual(sorted(listed), sorted(self.verbs()))

    def test_unknown_words_are_refused_with_a_hint(self):
        self.assertEqual(run()[0], 2)
        self.assertEqual(run("polcy")[0], 2)
        code, _, err = run("policy", "bypas", "a.test")
        self.assertEqual(code, 2)
        self.assertIn("policy bypas: not known", err)
        self.assertIn(" bypass, pin,", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
