#!/usr/bin/env python3
"""Damaged copies of every capture of the corpus: no crash, no hang, no sanitizer report.

usage: robustness.py SENSOR      (MXWARDEN_CORPUS names the corpus)

Of each capture: itself, CUTS copies cut at a drawn offset, FLIPS copies with a few drawn octets
changed. The draws are seeded by the capture's name, so a failure comes again. Copies of one capture
are replayed by one process (`--separate` judges each by itself); an input that cannot be opened
ends a run, so the rest goes into the next. Under asan this is the sanitizers' sweep.
"""
import random
import sys
import tempfile
from pathlib import Path

import corpus

CUTS, FLIPS = 20, 20
MOST_FLIPPED = 4  # octets changed in one copy
LEAST_COPIES = 4_000


def variants(name, data):
    """(label, bytes) of the damaged copies of one capture."""
    draw = random.Random("robustness " + name)
    for _ in range(CUTS if data else 0):
        offset = draw.randrange(len(data))
        yield f"cut-{offset}", data[:offset]
    for number in range(FLIPS if data else 0):
        copy = bytearray(data)
        # Every other copy is hit near its front: there are the headers that readers fail on.
        reach = min(len(copy), 256) if number % 2 else len(copy)
        places = sorted({draw.randrange(reach) for _ in range(draw.randint(1, MOST_FLIPPED))})
        for place in places:
            copy[place] ^= draw.randint(1, 255)
        yield "flip-" + "-".join(map(str, places)), bytes(copy)


def not_opened(ended, paths):
    """Index of the input that ended the run; None when all were replayed, which stats tell."""
    if b'"event_type":"stats"' in ended.out[-8192:]:
        return None
    message = ended.err.decode("utf-8", "replace")
    for index, path in enumerate(paths):
        if f"{path}: " in message:
            return index
    return -1


def replay_all(sensor, paths, failures):
    """Replays every path; the number of them that were replayed to their end."""
    replayed = 0
    while paths:
        ended = corpus.run(sensor, paths, "--separate")
        trouble = ended.trouble()
        if trouble and len(paths) > 1:  # which one it is
            return replayed + sum(replay_all(sensor, [path], failures) for path in paths)
        if trouble:
            failures.append(f"{paths[0].name}: {trouble}")
            return replayed
        stopped = not_opened(ended, paths)
        if stopped is None:
            return replayed + len(paths)
        if stopped < 0 or ended.code != 3 or not ended.err.strip():
            failures.append(f"{paths[0].name}...: exit {ended.code}, neither stats nor a reason")
            return replayed
        replayed += stopped
        paths = paths[stopped + 1:]
    return replayed


def sweep(sensor, folder, name):
    """(failures, copies, copies replayed to their end) of one capture."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="mxw-robustness-") as scratch:
        paths = [folder / name]
        for label, data in variants(name, (folder / name).read_bytes()):
            path = Path(scratch) / f"{name.replace('/', '__')}.{label}"
            path.write_bytes(data)
            paths.append(path)
        replayed = replay_all(sensor, paths, failures)
    return failures, len(paths), replayed


def main():
    sensor = sys.argv[1]
    folder = corpus.root_or_skip()
    names = [row["path"] for row in corpus.manifest(folder)]
    failures, copies, replayed = [], 0, 0
    for failed, made, ended in corpus.in_parallel(lambda name: sweep(sensor, folder, name), names):
        failures += failed
        copies += made
        replayed += ended
    # Most copies must get past the file header, else this tests only the refusal of files.
    if copies < LEAST_COPIES or replayed < copies * 2 // 3:
        failures.append(f"{copies} copies, of which only {replayed} were replayed to their end")
    corpus.finish("corpus_robustness",
                  f"{copies} copies of {len(names)} captures, {replayed} replayed to their end",
                  failures)


if __name__ == "__main__":
    main()
