"""Every row of the shared vectors has a test that compares it: no kind without one, and as many rows
of each kind as the tests count. Then whether they would notice: in a copy the outcome of one row
after the other is altered, and the test that reads it must fail.

usage: vectors_test.py FOLDER_OF_TEST_PROGRAMS SOURCE_FOLDER [every]
The folder with mta-sts.tsv is named by the environment variable MXWARDEN_VECTORS. `every` alters each
row in its turn, else the first and the last of each kind are altered.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile
import unittest

# kind -> (rows, program, test, file, how the file counts them)
DANE = 22
READERS = {
    **{kind: (rows, "policy_test", "Vectors.*", "policy_vectors_test.cpp", '{"%s", %d}' % (kind, rows))
       for kind, rows in (("txt", 35), ("policy", 63), ("match", 27),
                          ("dnsname", 8), ("tlsrpt-txt", 2))},
    **{kind: (rows, "map_engine_test", "MapVectors.*", "map_vectors_test.cpp",
              'compared["%s"], %d)' % (kind, rows))
       for kind, rows in (("netstring", 11), ("socketmap", 10))},
    "txtset": (11, "policy_test", "Vectors.*", "policy_vectors_test.cpp", '{"txtset", 8}'),
    "media": (9, "https_test", "HttpsMediaVectors.*", "https_vectors_test.cpp", "all.size(), 9U)"),
    "fetch": (11, "https_test", "HttpsVectors.*", "https_vectors_test.cpp", "all.size(), 11U)"),
    "cache": (11, "policyd_engine_test", "CacheVectors.*", "engine_cache_test.cpp", "compared, 11)"),
    "dane": (DANE, "policyd_engine_test", "DaneVectors.*", "engine_dane_test.cpp", "compared, 11)"),
}
# The rest of a kind: of `dane` what speaks of handshakes, of `txtset` look-ups that fail.
REST = {
    "dane": ("x509_test", "TlsaMatching.Vectors", "x509_tlsa_test.cpp", "compared, 11)"),
    "txtset": ("policyd_engine_test", "FailedLookups.*", "engine_cache_test.cpp", "compared, 3)"),
}


def rows():
    with open(os.path.join(VECTORS, "mta-sts.tsv"), encoding="utf-8", newline="\n") as file:
        return file.read().rstrip("\n").split("\n")


def source(name):
    with open(os.path.join(SOURCE, "tests", "unit", name), encoding="utf-8") as file:
        return re.sub(r"\s+", " ", file.read())


def passes(program, test, folder):
    env = dict(os.environ, MXWARDEN_VECTORS=folder)
    done = subprocess.run([os.path.join(BIN, program), "--gtest_filter=" + test],
                          capture_output=True, env=env, check=False)
    if b"[       OK ]" not in done.stdout and b"[  FAILED  ]" not in done.stdout:
        raise AssertionError(f"{program} {test}: nothing was run")
    return done.returncode == 0


class Counts(unittest.TestCase):
    def test_no_kind_and_no_row_is_left_out(self):
        found = collections.Counter(line.split("\t")[0] for line in rows()[1:])
        self.assertEqual(dict(found), {kind: reader[0] for kind, reader in READERS.items()})

    def test_every_test_counts_its_rows(self):
        for kind, (_, _, _, file, count) in READERS.items():
            self.assertIn(count, source(file), kind)
        for kind, (_, _, file, count) in REST.items():
            self.assertIn(count, source(file), kind)


class Notices(unittest.TestCase):
    def readers(self, kind):
        _, program, test, _, _ = READERS[kind]
        return [(program, test)] + ([REST[kind][:2]] if kind in REST else [])

    def noticed(self, kind, lines):
        with tempfile.TemporaryDirectory(prefix="mxw-vectors-") as folder:
            with open(os.path.join(folder, "mta-sts.tsv"), "w", encoding="utf-8", newline="\n") as f:
                f.write("\n".join(lines) + "\n")
            return not all(passes(*reader, folder) for reader in self.readers(kind))

    def test_as_it_stands_it_passes(self):
        for kind in READERS:
            self.assertFalse(self.noticed(kind, rows()), kind)

    def test_another_outcome_is_noticed(self):
        lines = rows()
        places = collections.defaultdict(list)
        for number, line in enumerate(lines[1:], 1):
            places[line.split("\t")[0]].append(number)
        for kind, numbers in places.items():
            for number in numbers if EVERY else sorted({numbers[0], numbers[-1]}):
                columns = lines[number].split("\t")
                columns[3] = "something else"
                altered = lines[:number] + ["\t".join(columns)] + lines[number + 1:]
                self.assertTrue(self.noticed(kind, altered), f"line {number + 1}: {lines[number]}")

    def test_a_missing_row_is_noticed(self):
        lines = rows()
        for kind in READERS:
            at = next(i for i, line in enumerate(lines) if line.startswith(kind + "\t"))
            self.assertTrue(self.noticed(kind, lines[:at] + lines[at + 1:]), kind)


if __name__ == "__main__":
    VECTORS = os.environ.get("MXWARDEN_VECTORS", "")
    if not VECTORS:
        print("vectors absent: not compared")
        sys.exit(0)
    BIN, SOURCE = map(os.path.abspath, sys.argv[1:3])
    EVERY = sys.argv[3:] == ["every"]
    unittest.main(argv=sys.argv[:1], verbosity=1)
