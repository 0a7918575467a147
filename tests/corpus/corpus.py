"""What the tests over the third-party captures share: the corpus, runs of the sensor, its events.

The captures belong to others and stand outside the repository; the environment variable
MXWARDEN_CORPUS names their folder (docs/corpus.md). Python 3 standard library only.
"""
import concurrent.futures
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PCAPS = SOURCE / "pcaps"
# Any CA file will do where chains are not the question: to read the system's takes longer than a
# replay.
CA_FILE = PCAPS / "ca" / "lab-ca.pem"

SKIPPED = 77  # SKIP_RETURN_CODE of the tests
TIME_LIMIT = 60.0  # seconds for one run; a replay of the largest capture takes well under one
JOBS = 2
SOUND_EXITS = (0, 3)  # semantics 4; nothing is asked of these captures by --fail-on


def root():
    """The corpus folder, or None where there is none."""
    name = os.environ.get("MXWARDEN_CORPUS", "")
    return Path(name) if name and (Path(name) / "MANIFEST.tsv").is_file() else None


def root_or_skip():
    folder = root()
    if folder is None:
        print("corpus absent: not compared")
        sys.exit(SKIPPED)
    return folder


def read_tsv(path):
    """Rows of a tab-separated file with a header line; lines that begin with # are comments."""
    with open(path, encoding="utf-8") as lines:
        kept = [line for line in lines if line.strip() and not line.startswith("#")]
    return list(csv.DictReader(kept, delimiter="\t", quoting=csv.QUOTE_NONE))


def manifest(folder):
    rows = read_tsv(folder / "MANIFEST.tsv")
    if len(rows) < 100:
        raise SystemExit(f"{folder}/MANIFEST.tsv: only {len(rows)} captures, 100 expected at least")
    return rows


def own_captures():
    names = [row["file"] for row in read_tsv(PCAPS / "MANIFEST.tsv")]
    return [PCAPS / name for name in names if (PCAPS / name).is_file()]


class Ended:
    """One finished run: exit code, both outputs as bytes, and what is wrong with it if anything."""

    def __init__(self, code, out, err, timed_out=False):
        self.code, self.out, self.err, self.timed_out = code, out, err, timed_out

    def trouble(self):
        if self.timed_out:
            return f"no end within {TIME_LIMIT:.0f} s"
        if b"Sanitizer" in self.err or b"runtime error:" in self.err:
            return "sanitizer report:\n" + self.err.decode("utf-8", "replace")[:4000]
        if self.code < 0:
            return f"killed by signal {-self.code}"
        if self.code not in SOUND_EXITS:
            return f"exit {self.code}: " + self.err.decode("utf-8", "replace")[:500]
        return None

    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(sensor, inputs, *options, format="eve", stdin=b""):
    """Replays `inputs` (a list of paths, `-` = `stdin`). Never raises for what the sensor does."""
    command = [str(sensor), "--format", format, "--ca-file", str(CA_FILE), *map(str, options)]
    for path in inputs:
        command += ["-r", str(path)]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=TIME_LIMIT,
                              check=False)
    except subprocess.TimeoutExpired:
        return Ended(0, b"", b"", timed_out=True)
    return Ended(done.returncode, done.stdout, done.stderr)


def in_parallel(function, items):
    """Results in the order of `items`."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(function, items))


def finish(name, summary, failures, shown=60):
    """Prints failures and the summary line; the exit code of the test."""
    for failure in failures[:shown]:
        print("FAIL " + failure)
    if len(failures) > shown:
        print(f"... and {len(failures) - shown} more")
    print(f"{name}: {summary}")
    sys.exit(1 if failures else 0)
