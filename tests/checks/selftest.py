"""Each check must fail on a bad example and pass on its sound twin. Run by ctest.

usage: selftest.py [--format]      --format: the format check alone (needs clang-format-19)
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def run_check(check, files):
    """Exit code and output of the check over a tree made of {path: text}."""
    root = tempfile.mkdtemp(prefix="mxw-check-")
    try:
        shutil.copy(os.path.join(HERE, "..", "..", ".clang-format"), root)
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        done = subprocess.run([os.path.join(HERE, check), root], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
    finally:
        shutil.rmtree(root)


class Arrows(unittest.TestCase):
    def expect(self, path, line, problem):
        code, out = run_check("arrows", {path: "// x\n" + line + "\n"})
        if problem is None:
            self.assertEqual((code, out), (0, ""))
        else:
            self.assertEqual(code, 1, out)
            self.assertIn(path + ":2: include of ", out)
            self.assertIn(problem, out)

    def test_down_is_fine(self):
        self.expect("core/policy/a.cpp", '#include "core/mail/name.hpp"', None)
        self.expect("sensor/flow/a.hpp", '#include "sensor/decode/segment.hpp"', None)
        self.expect("cli/main.cpp", '#include "core/base/digest.hpp"', None)

    def test_up_is_found(self):
        self.expect("core/base/a.hpp", '#include "core/mail/name.hpp"', "goes up")
        self.expect("core/mail/a.hpp", '#include "core/dns/message.hpp"', "goes up")
        self.expect("core/evidence/a.hpp", '#include "core/dns/message.hpp"', "goes up")
        self.expect("core/rules/a.cpp", '#include "sensor/judge/judge.hpp"', "goes up")
        self.expect("sensor/tls/a.cpp", '  #  include "sensor/flow/flow.hpp"', "goes up")
        self.expect("sensor/judge/a.cpp", '#include "sensor/sink/eve.hpp"', "goes up")

    def test_programs_do_not_meet(self):
        self.expect("cli/main.cpp", '#include "sensor/main/options.hpp"', "goes up or aside")
        self.expect("sensor/main/a.cpp", '#include "cli/verify.hpp"', "goes up or aside")

    def test_third_party(self):
        self.expect("core/x509/a.cpp", "#include <openssl/x509.h>", None)
        self.expect("sensor/tls/a.cpp", "#include <openssl/ssl.h>", "belongs into")
        self.expect("sensor/main/a.cpp", "#include <pcap/pcap.h>", "belongs into")
        self.expect("sensor/flow/a.cpp", "#include <pcap.h>", "belongs into")
        self.expect("core/rules/a.cpp", "#include <nlohmann/json.hpp>", "belongs into")
        self.expect("core/policy/a.cpp", "#include <toml++/toml.h>", "belongs into")
        self.expect("core/base/a.cpp", "#include <boost/asio.hpp>", "belongs into")
        self.expect("core/dns/a.cpp", "#include <idn2.h>", "belongs into")
        self.expect("core/base/a.cpp", "#include <zlib.h>", "belongs into")
        self.expect("net/resolve/a.cpp", "#include <ares.h>", None)
        self.expect("sensor/dns/a.cpp", "#include <ares.h>", "belongs into")
        self.expect("cli/a.cpp", "#include <curl/curl.h>", "belongs into")

    def test_place_and_spelling(self):
        self.expect("core/mail/a.cpp", '#include "name.hpp"', "from the root")
        code, out = run_check("arrows", {"sensor/new/a.cpp": "\n"})
        self.assertEqual(code, 1)
        self.assertIn("has no place", out)


class Sizes(unittest.TestCase):
    @staticmethod
    def function(lines):
        return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"

    def test_functions(self):
        self.assertEqual(run_check("sizes", {"core/a/a.cpp": self.function(80)})[0], 0)
        code, out = run_check("sizes", {"core/a/a.cpp": "// x\n" + self.function(81)})
        self.assertEqual((code, out), (1, "core/a/a.cpp:2: function of 81 lines, at most 80\n"))
        inline = "class A {\n  void f() {\n" + "    g();\n" * 90 + "  }\n};\n"
        self.assertEqual(run_check("sizes", {"core/a/a.hpp": inline})[0], 1)

    def test_tables_are_no_functions(self):
        table = "const int kTable[] = {\n" + "  1,\n" * 300 + "};\n"
        self.assertEqual(run_check("sizes", {"core/a/a.cpp": table})[0], 0)

    def test_files(self):
        self.assertEqual(run_check("sizes", {"core/a/a.hpp": "\n" * 800})[0], 0)
        self.assertEqual(run_check("sizes", {"core/a/a.hpp": "\n" * 801})[0], 1)

    def test_python(self):
        long = "def f():\n" + "    g()\n" * 80
        self.assertEqual(run_check("sizes", {"tests/a/a.py": long})[0], 1)
        self.assertEqual(run_check("sizes", {"tests/a/tool": "#!/usr/bin/env python3\n" + long})[0], 1)


class Paths(unittest.TestCase):
    def test_paths(self):
        self.assertEqual(run_check("paths", {"docs/a.md": "see /usr/share and /etc/mxwarden\n"})[0], 0)
        for bad in ("/ho" + "me/jane/x", "/ro" + "ot/x", "/wo" + "rk/x", "https://py" + "pi.org/simple",
                    "https://reg" + "istry.example.net/x", "https://pro" + "xy.golang.org"):
            code, out = run_check("paths", {"docs/a.md": "fine\nat %s\n" % bad})
            self.assertEqual(code, 1, bad)
            self.assertIn("docs/a.md:2: ", out)


class References(unittest.TestCase):
    TREE = {"docs/semantics.md": "# Semantics\n\n## 1. Session\n\n## 11. Map\n", "docs/postfix.md": "",
            "tests/lab/README.md": "see [the lines](../../docs/postfix.md#lines)\n"}

    def expect(self, path, text, *problems):
        code, out = run_check("references", {**self.TREE, path: "fine\n" + text})
        self.assertEqual(out, "".join("%s:2: %s\n" % (path, p) for p in problems))
        self.assertEqual(code, 1 if problems else 0)

    def test_sections(self):
        for text in ("// semantics 1", "// (Semantics 11, Clock)", "// semantics section 1: the table",
                     "// semantics 1, 11", "# semantics 11\n# and 1", "its semantics changed in 1998",
                     "// by design in 3 of 4"):
            self.expect("core/a.cpp", text)
        for text in ("// semantics 7", "// (semantics\n//  7)", "# Semantics section\n# 7",
                     "`semantics` or semantics 7", "// semantics 1, 7", "// semantics 1 and\n// 7"):
            self.expect("core/a.cpp", text, "no section semantics 7")
        self.expect("docs/a.md", "as semantics 7 has it", "no section semantics 7")
        self.expect("core/a.cpp", "// semantics 2 and 3", "no section semantics 2", "no section semantics 3")
        self.expect("core/a.cpp", "// (design\n// section 1)", "no section design 1")
        self.expect("core/a.cpp", "// design 4.6", "no section design 4")

    def test_without_the_page(self):
        code, out = run_check("references", {"core/a.cpp": "// semantics 1\n"})
        self.assertEqual((code, out), (1, "core/a.cpp:1: no section semantics 1\n"))

    def test_pages(self):
        for text in ("// docs/postfix.md", 'snippet("postfix.md", name)', 'dir + "/README.md"',
                     "all of docs/*.md", "FoxIO's technical_details/JA4.md", "https://example.org/a/b.md", "a.mdx", "md5"):
            self.expect("core/a.cpp", text)
        self.expect("core/a.cpp", "// milter.md section 4", "no page milter.md")
        self.expect("core/a.cpp", "// fix.md", "no page fix.md")
        self.expect("core/a.cpp", "// tests/postfix.md", "no page tests/postfix.md")
        self.expect("tests/a/run", "# ../../docs/dane.md", "no page docs/dane.md")

    def test_links(self):
        self.expect("docs/a.md", "[x](postfix.md), [y](../tests/lab/README.md)")
        self.expect("docs/a.md", "[x](docs/postfix.md)", "no page docs/postfix.md")
        self.expect("docs/decisions/1.md", "[x](postfix.md#here)", "no page postfix.md")


class Units(unittest.TestCase):
    def packaging(self):
        top = os.path.join(HERE, "..", "..")
        files = {}
        for folder, _, names in os.walk(os.path.join(top, "packaging")):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as f:
                    files[os.path.relpath(path, top)] = f.read()
        return files

    def expect(self, path, before, after, problem):
        files = self.packaging()
        self.assertIn(before, files["packaging/" + path])
        files["packaging/" + path] = files["packaging/" + path].replace(before, after)
        code, out = run_check("units", files)
        self.assertEqual(code, 1, out)
        self.assertIn(problem, out)

    def test_shipped(self):
        self.assertEqual(run_check("units", self.packaging()), (0, ""))

    def test_bad_units(self):
        mapd, socket = "systemd/mxwarden-map.service", "systemd/mxwarden-map.socket"
        self.expect(mapd, "RestartSec=", "RestatSec=", "RestatSec")
        self.expect(mapd, "StartLimitIntervalSec=0", "", "StartLimitIntervalSec= is not 0")
        self.expect(mapd, "NoNewPrivileges=yes\nCapabilityBoundingSet=\n", "", "more exposed than")
        self.expect(mapd, "After=", "After=mxwarden-policyd.service ", "waits for policyd")
        self.expect(socket, "TriggerLimitIntervalSec=0", "", "TriggerLimitIntervalSec= is not 0")
        self.expect(socket, ":8461", ":8462", "is not the default of map.listen")

    def test_bad_users_and_folders(self):
        self.expect("sysusers.d/mxwarden.conf", "u mxw-milter", "#", "names mxw-milter")
        self.expect("sysusers.d/mxwarden.conf", "m mxw-map mxw-ask", "#", "not in group mxw-ask")
        self.expect("sysusers.d/mxwarden.conf", "m mxw-milter mxw-ask", "#",
                    "mxw-milter of ask_users is not in group mxw-ask")
        self.expect("sysusers.d/mxwarden.conf", "g mxw-ask", "#", "ask_group is not in sysusers.d")
        if os.geteuid() == 0:
            self.expect("tmpfiles.d/mxwarden.conf", "map 0700", "map 0750", "lib/mxwarden/map: 750")


class Format(unittest.TestCase):
    def test_format(self):
        self.assertEqual(run_check("format", {"core/a.cpp": "int f();\n"})[0], 0)
        code, out = run_check("format", {"core/a.cpp": "int   f( );\n"})
        self.assertNotEqual(code, 0)
        self.assertIn("a.cpp:1", out)


if __name__ == "__main__":
    if sys.argv[1:] == ["--format"]:
        unittest.main(argv=[sys.argv[0], "Format"])
    unittest.main(argv=[sys.argv[0], "Arrows", "Sizes", "Paths", "References", "Units"])
