"""README.md has a promise for every case, and no case that is not there; needs no root."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lab"), os.path.join(HERE, "..", "support")]
sys.dont_write_bytecode = True

from cases import every_case  # noqa: E402
from domains import DOMAINS  # noqa: E402
from promise import described  # noqa: E402
from snippets import main_cf, snippet  # noqa: E402


class Readme(unittest.TestCase):
    def test_every_case_has_a_promise(self):
        names = {c.name for c in every_case()}
        for domain in DOMAINS:
            names -= {"postfix/" + domain.name, "sendmail/" + domain.name}
            names.add(domain.name)
        self.assertEqual(described(HERE), names)

    def test_names_are_unique(self):
        names = [c.name for c in every_case()]
        self.assertEqual(len(names), len(set(names)))

    def test_documented_lines_are_there(self):
        self.assertEqual(main_cf("main.cf map")["smtp_tls_policy_maps"],
                         "socketmap:inet:127.0.0.1:8461:postfix")
        self.assertIn("-T<TMPF>", snippet("sendmail.md", "sendmail.mc enforce"))
        self.assertIn(" -t ", snippet("sendmail.md", "sendmail.mc observe"))


if __name__ == "__main__":
    unittest.main()
