"""Every test that docs/pitfalls.md and the clauses of docs/rfc-index.md name is there: a test of
GoogleTest by its name, or a file. And every row names one.

usage: pitfalls_test.py SOURCE_FOLDER
"""
import glob
import os
import re
import sys
import unittest

SOURCE = os.path.abspath(sys.argv[1])
NAME = re.compile(r"\b(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")


def text(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def known_tests():
    found = set()
    for path in glob.glob(os.path.join(SOURCE, "tests", "**", "*.cpp"), recursive=True):
        found.update(".".join(pair) for pair in NAME.findall(text(path)))
    return found


def lab_cases():
    """Cases of the report lab that its README.md promises, which its own test holds against the code."""
    return set(re.findall(r"^\| `([a-z]+/[a-z-]+)` \|", text("tests", "report", "README.md"), re.M))


def table_rows(document, heading):
    """Cells of the rows below the heading, without the lines of headings and rules."""
    below = document[document.index(heading):]
    lines = below[:below.find("\n## ") if "\n## " in below else None].split("\n")
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows
            if not set("".join(row)) <= set("-") and row[-1].strip().lower() != "tests"]


class Named(unittest.TestCase):
    def check(self, row, known):
        words = re.findall(r"`([^`]+)`", row[-1])
        if row[-1] != "none":
            self.assertTrue(words, f"names no test: {row[0]} {row[1]}")
        for word in words:
            there = (word in lab_cases() or os.path.exists(os.path.join(SOURCE, word))) if "/" in word else word in known
            self.assertTrue(there, f"{word} of {row[0]} is not there")

    def test_pitfalls(self):
        rows, known = table_rows(text("docs", "pitfalls.md"), "# Known"), known_tests()
        self.assertEqual([row[0] for row in rows], [str(n) for n in range(1, len(rows) + 1)])
        self.assertGreaterEqual(len(rows), 28)
        for row in rows:
            self.assertNotEqual(row[-1], "none", row[0])
            self.check(row, known)

    def test_clauses(self):
        rows, known = table_rows(text("docs", "rfc-index.md"), "## RFC 8461 clause"), known_tests()
        clauses = {re.match(r"[A-Z]\d", row[0]).group() for row in rows}
        self.assertEqual(clauses, {*(f"{letter}{n}" for letter, last in
                                     (("T", 4), ("P", 4), ("F", 5), ("C", 3), ("V", 2), ("A", 4),
                                      ("R", 1), ("D", 1), ("Q", 1)) for n in range(1, last + 1))})
        for row in rows:
            self.check(row, known)
            if row[-1] == "none":
                self.assertRegex(row[-2], "mail server|later")
            for word in re.findall(r"`([^`]+/[^`]+)`", row[-2]):
                self.assertTrue(os.path.exists(os.path.join(SOURCE, word)), word)

    def test_clauses_of_reports(self):
        rows, known = table_rows(text("docs", "rfc-index.md"), "## RFC 8460 clause"), known_tests()
        clauses = {re.match(r"[A-Z]\d", row[0]).group() for row in rows}
        self.assertEqual(clauses, {f"{letter}{n}" for letter, last in
                                   (("D", 8), ("M", 8), ("F", 2), ("H", 3), ("T", 1), ("J", 9))
                                   for n in range(1, last + 1)})
        for row in rows:
            self.check(row, known)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
