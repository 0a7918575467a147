"""README.md has a promise for every case, and no case that is not there; needs no root."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lab"), os.path.join(HERE, "..", "support")]
sys.path.append(os.path.join(HERE, "..", "milter"))
sys.dont_write_bytecode = True

from cases import every_case  # noqa: E402
from promise import described  # noqa: E402


class Readme(unittest.TestCase):
    def test_every_case_has_a_promise(self):
        self.assertEqual(described(HERE), {c.name for c in every_case()})

    def test_names_are_unique(self):
        names = [c.name for c in every_case()]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
