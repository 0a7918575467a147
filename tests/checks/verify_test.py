"""mxwarden verify: the same case again, changed inputs, policies, other places.

usage: verify_test.py BIN_FOLDER PCAPS_FOLDER
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN, PCAPS = map(os.path.abspath, sys.argv[1:3])
CAPTURE = "keyword-removed.s.pcap"


def run(*args, cwd):
    done = subprocess.run(args, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


class Verify(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="mxw-verify-")
        self.addCleanup(shutil.rmtree, self.home)
        shutil.copy(os.path.join(PCAPS, CAPTURE), self.home)
        shutil.copytree(os.path.join(PCAPS, "policies"), os.path.join(self.home, "policies"))
        shutil.copy(os.path.join(PCAPS, "ca", "lab-ca.pem"), self.home)

    def record(self, *more, inputs=("-r", CAPTURE)):
        code, out = run(os.path.join(BIN, "mxwarden-sensor"), *inputs, "--policies", "policies",
                        "--ca-file", "lab-ca.pem", "--manifest", "case.json", "--output", "result",
                        *more, cwd=self.home)
        self.assertEqual(code, 0, out)

    def verify(self, case="case.json", cwd=None):
        return run(os.path.join(BIN, "mxwarden"), "verify", case, cwd=cwd or self.home)

    def path(self, name):
        return os.path.join(self.home, name)

    def edit_case(self, change):
        with open(self.path("case.json"), encoding="utf-8") as f:
            case = json.load(f)
        change(case)
        with open(self.path("case.json"), "w", encoding="utf-8") as f:
            json.dump(case, f)

    def test_same(self):
        for more in (["--format", "eve"], ["--format=text"], ["--json", "--own", "192.0.2.0/24"],
                     ["--separate", "--format", "eve", "--fail-on", "never"]):
            self.record(*more)
            self.assertEqual(self.verify(), (0, "identical\n"))

    def test_findings_do_not_matter(self):
        code, out = run(os.path.join(BIN, "mxwarden-sensor"), CAPTURE, "--policies=policies",
                        "--manifest=case.json", "--output=result", "--fail-on=low", cwd=self.home)
        self.assertEqual(code, 1, out)
        self.assertEqual(self.verify(), (0, "identical\n"))

    def test_result_is_left_alone(self):
        self.record()
        before = os.stat(self.path("result")).st_mtime_ns, os.stat(self.path("case.json")).st_mtime_ns
        self.verify()
        self.assertEqual(before, (os.stat(self.path("result")).st_mtime_ns,
                                  os.stat(self.path("case.json")).st_mtime_ns))

    def test_another_directory(self):
        self.record(inputs=("-r", os.path.join(self.home, CAPTURE)))
        moved = self.home + "-moved"
        os.rename(self.home, moved)
        self.addCleanup(shutil.rmtree, moved)
        try:
            self.assertEqual(self.verify(os.path.join(moved, "case.json"), cwd="/"),
                             (0, "identical\n"))
        finally:
            os.mkdir(self.home)

    def test_changed_input(self):
        self.record()
        with open(self.path(CAPTURE), "r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)[0]
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last ^ 1]))
        code, out = self.verify()
        self.assertEqual(code, 3)
        self.assertIn(CAPTURE + ": changed", out)

    def test_missing_input(self):
        self.record()
        os.remove(self.path(CAPTURE))
        code, out = self.verify()
        self.assertEqual(code, 3)
        self.assertIn(CAPTURE + ": not found", out)

    def test_missing_policies(self):
        self.record()
        shutil.rmtree(self.path("policies"))
        code, out = self.verify()
        self.assertEqual(code, 3)
        self.assertIn("policies: not found", out)

    def test_changed_policy(self):
        self.record()
        with open(self.path("policies/example.org.txt"), "a", encoding="ascii") as f:
            f.write("mx: other.example.org\r\n")
        os.remove(self.path("policies/plain.test.txt"))
        os.remove(self.path("policies/plain.test.json"))
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertTrue(out.startswith("different\n"), out)
        self.assertIn("policy example.org: another text", out)
        self.assertIn("policy plain.test: no longer there", out)

    def test_changed_ca(self):
        self.record()
        with open(self.path("lab-ca.pem"), "a", encoding="ascii") as f:
            f.write("# not the same octets\n")
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertIn("trusted CAs: ", out)

    def test_forged_output_digest(self):
        self.record()
        self.edit_case(lambda case: case["output"].update(sha256="0" * 64))
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertIn("output SHA-256: " + "0" * 64 + " then, ", out)

    def test_other_rules(self):
        self.record()
        self.edit_case(lambda case: case.update(rules_sha256="1" * 64))
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertIn("rules: " + "1" * 64, out)

    def test_other_version_is_told(self):
        self.record("--format", "eve")
        self.edit_case(lambda case: case.update(version="0.0.9"))
        code, out = self.verify()
        self.assertEqual(code, 0)
        self.assertIn("identical\n  program: 0.0.9 (", out)

    def test_standard_input(self):
        with open(self.path(CAPTURE), "rb") as capture:
            subprocess.run([os.path.join(BIN, "mxwarden-sensor"), "-r", "-", "--manifest", "case.json",
                            "--output", "result"], cwd=self.home, stdin=capture, check=True)
        code, out = self.verify()
        self.assertEqual(code, 2)
        self.assertIn("standard input", out)

    def test_no_case(self):
        for text in ("", "{", "[]", "{}", '{"mxwarden_case":2}', '{"mxwarden_case":1,"program":5}',
                     '{"mxwarden_case":1,"program":"mxwarden-sensor","inputs":[]}', "\0\xff"):
            with open(self.path("case.json"), "w", encoding="latin-1") as f:
                f.write(text)
            code, out = self.verify()
            self.assertEqual(code, 2, text)
            self.assertIn("is no case file", out)
        self.assertEqual(self.verify("absent.json")[0], 3)

    def test_unknown_argument(self):
        self.record()
        self.edit_case(lambda case: case["arguments"].append("--from-the-future=1"))
        code, out = self.verify()
        self.assertEqual(code, 2)
        self.assertIn("--from-the-future", out)

    def test_every_option_of_the_sensor_is_known(self):
        code, text = run(os.path.join(BIN, "mxwarden-sensor"), "--help", cwd=self.home)
        options = re.findall(r"^  (?:-\w \[ )?--([a-z-]+)(?: \])?( arg)?", text, re.M)
        self.assertEqual(code, 0)
        self.assertGreater(len(options), 20)
        self.record()
        for name, takes_value in options:
            if name == "feed":  # refused with --manifest: no case was ever made with it
                continue
            given = "--%s%s" % (name, "=" + CAPTURE if takes_value else "")
            self.record()
            self.edit_case(lambda case, given=given: case["arguments"].append(given))
            out = self.verify()[1]
            self.assertNotIn("recorded arguments are not understood", out, given)

    def test_usage(self):
        tool = os.path.join(BIN, "mxwarden")
        self.assertEqual(run(tool, cwd="/")[0], 2)
        self.assertEqual(run(tool, "verify", cwd="/")[0], 2)
        self.assertEqual(run(tool, "verify", "a", "b", cwd="/")[0], 2)
        code, out = run(tool, "--help", cwd="/")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^  verify ")
        code, out = run(tool, "verify", "--help", cwd="/")
        self.assertEqual(code, 0)
        self.assertIn("verify CASE.json", out)
        code, out = run(tool, "--version", cwd="/")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^mxwarden \d+\.\d+\.\d+ \(\S+\)\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
