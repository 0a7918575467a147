"""What we write passes the judgement of others: the JSON of a report the strict schema of RFC 8460, the mail
around it Python's reader of mail, without a defect.

usage: report_files_test.py FOLDER_OF_TEST_PROGRAMS
The folder with tlsrpt.schema.json is named by the environment variable MXWARDEN_TLSRPT; without it, or without
Python's jsonschema, the schema is not asked (an error where CI is set and the folder is there).
"""
import email
import email.policy
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None
    # The package is Debian's, for Debian's interpreter, which need not be the first on the path.
    DEBIAN = "/usr/bin/python3"
    if os.path.exists(DEBIAN) and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN):
        os.execv(DEBIAN, [DEBIAN, "-B", *sys.argv])

BIN = os.path.abspath(sys.argv[1])
TLSRPT = os.environ.get("MXWARDEN_TLSRPT")
NAMES = ("full", "hostile")


def read(name):
    with open(os.path.join(OUT, name), "rb") as file:
        return file.read()


def no_doubles(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


class Files(unittest.TestCase):
    def test_json_is_valid_to_the_letter(self):
        if not TLSRPT:
            self.skipTest("schema absent: not asked")
        if jsonschema is None:
            self.assertFalse(os.environ.get("CI"), "python3-jsonschema is missing")
            self.skipTest("no jsonschema: not asked")
        with open(os.path.join(TLSRPT, "tlsrpt.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        strict = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        for name in NAMES:
            report = json.loads(read(name + ".json"), object_pairs_hook=no_doubles)
            self.assertEqual([error.message for error in strict.iter_errors(report)], [], name)
        # The schema does look: a wrong report is none.
        report["policies"][0]["policy"]["mx-host"] = "mx.example.org"
        self.assertFalse(strict.is_valid(report))

    def test_mail_is_read_by_another(self):
        for name in NAMES:
            raw = read(name + ".eml")
            raw.decode("ascii")
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            self.assertEqual(mail.get_content_type(), "multipart/report")
            self.assertEqual(mail.get_param("report-type"), "tlsrpt")
            self.assertEqual([part.defects for part in mail.walk()], [[], [], []])
            self.assertEqual([list(value.defects) for value in mail.values() if value.defects], [])
            self.assertEqual(mail["From"].addresses[0].addr_spec, "tlsrpt-noreply@sender.example")
            self.assertEqual(mail["To"].addresses[0].addr_spec, "tlsrpt+in@example.org")
            self.assertEqual(mail["Date"].datetime.isoformat(), "2026-11-21T12:00:00+00:00")
            self.assertEqual(mail["Subject"], "Report Domain: example.org Submitter: sender.example "
                             "Report-ID: " + mail["Message-ID"])
            self.assertEqual((mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"], mail["TLS-Required"],
                              mail["Auto-Submitted"], mail["MIME-Version"]),
                             ("example.org", "sender.example", "No", "auto-generated", "1.0"))

    def test_the_two_parts(self):
        for name in NAMES:
            text, data = email.message_from_bytes(read(name + ".eml"), policy=email.policy.default).iter_parts()
            report = json.loads(read(name + ".json"))
            self.assertEqual(text.get_content_type(), "text/plain")
            self.assertIn("from %s\nabout mail to example.org\n" % report["organization-name"],
                          text.get_content().replace("\r\n", "\n"))
            self.assertEqual(data.get_content_type(), "application/tlsrpt+gzip")
            self.assertEqual(data.get_content_disposition(), "attachment")
            self.assertEqual(data.get_filename(), "sender.example!example.org!1795132800!1795219199!20e2d895.json.gz")
            self.assertEqual(gzip.decompress(data.get_content()), read(name + ".json"))
            self.assertEqual(mail_id(name), report["report-id"])


def mail_id(name):
    return email.message_from_bytes(read(name + ".eml"))["Message-ID"].strip("<>")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mxw-report-") as OUT:
        subprocess.run([os.path.join(BIN, "report_test"), "--gtest_filter=ReportFiles.*"], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, MXW_REPORT_OUT=OUT))
        unittest.main(argv=sys.argv[:1])
