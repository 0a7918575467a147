#!/usr/bin/env python3
"""Compares each SMTP stream and each DNS answer of the corpus with what an independent tool read.

usage: compare_truth.py SENSOR          (MXWARDEN_CORPUS names the corpus)
       compare_truth.py SENSOR --list   prints every difference as a row of explained.tsv

A difference passes only when explained.tsv has its row, with both values; a row whose difference is
gone fails, so that the list says what is so today. Replays at the default privacy; where a compared
text holds a redacted address (banners, EHLO names and TXT records may) a second run with
`--privacy full` gives that text, because truth has it in clear.
"""
import json
import sys
from pathlib import Path

import corpus
import truth_map

EXPLAINED = Path(__file__).with_name("explained.tsv")
UNREAD_LINKS = ("nflog", "pktap", "user2")
# So that the test cannot pass by comparing nothing.
LEAST_STREAMS, LEAST_FIELDS, LEAST_ANSWERS = 44, 690, 20


class Comparison:
    def __init__(self):
        self.streams = self.fields = self.answers = 0
        self.differences = []  # (file, stream, field, truth, ours), values as JSON text

    def field(self, file, stream, name, truth, ours):
        self.fields += 1
        if truth != ours:
            texts = (json.dumps(value, ensure_ascii=True) for value in (truth, ours))
            self.differences.append((file, str(stream), name, *texts))


def events_of(sensor, path):
    """Events at the default privacy, with redacted texts put in clear by a second run."""
    ended = corpus.run(sensor, [path])
    if ended.trouble():
        return ended, []
    if b"*@" not in ended.out:
        return ended, ended.events()
    clear = corpus.run(sensor, [path], "--privacy", "full")
    if clear.trouble():
        return clear, []
    return ended, clear.events()


def wrong_exit(row, ended):
    """Exit 3 is for captures that are damaged or of a link type we do not read, and says why."""
    if ended.code == 3 and not ended.err.strip():
        return "exit 3 without a reason"
    if ended.code == 3 and row["set"] == "share" and row["link_type"] not in UNREAD_LINKS:
        return "exit 3 on a sound capture: " + ended.err.decode("utf-8", "replace")[:300]
    if ended.code == 0 and row["link_type"] in UNREAD_LINKS:
        return f"exit 0, though link type {row['link_type']} is not read"
    return None


def compare_file(sensor, folder, row, result):
    name = row["path"]
    ended, events = events_of(sensor, folder / name)
    trouble = ended.trouble() or wrong_exit(row, ended)
    if trouble:
        return [f"{name}: {trouble}"]
    with open(folder / "truth" / (name.replace("/", "__") + ".json"), encoding="utf-8") as file:
        truth = json.load(file)
    sessions = truth_map.sessions_of(events)
    for stream in truth.get("smtp_streams", []):
        result.streams += 1
        ours = sessions.pop(truth_map.tuple_of(stream), [])
        result.field(name, stream["stream"], "sessions", 1, len(ours))
        for field, expected, seen in truth_map.fields(stream, ours[0]) if ours else ():
            result.field(name, stream["stream"], field, expected, seen)
    for key, ours in sessions.items():  # what truth does not list as SMTP
        result.field(name, "%s %d %s %d" % key, "sessions", 0, len(ours))
    for frame, expected, seen in truth_map.answers(truth.get("dns", {}), events):
        result.answers += len(expected)
        result.field(name, f"frame {frame}", "dns", expected, seen)
    return []


def explained_rows():
    rows = corpus.read_tsv(EXPLAINED)
    for row in rows:
        if not (row["reason"] or "").strip():
            raise SystemExit(f"explained.tsv: {row['file']} {row['field']}: a reason is missing")
    return {(r["file"], r["stream"], r["field"], r["truth"], r["ours"]) for r in rows}


def main():
    sensor, listing = sys.argv[1], "--list" in sys.argv[2:]
    folder = corpus.root_or_skip()
    result = Comparison()
    failures = []
    for lines in corpus.in_parallel(lambda row: compare_file(sensor, folder, row, result),
                                    corpus.manifest(folder)):
        failures += lines
    if listing:
        for difference in sorted(result.differences):
            print("\t".join(difference) + "\t")
        return
    explained, seen = explained_rows(), set(result.differences)
    failures += ["not explained: " + "  ".join(d) for d in sorted(seen - explained)]
    failures += ["explained, but no longer so: " + "  ".join(d) for d in sorted(explained - seen)]
    for what, count, least in (("streams", result.streams, LEAST_STREAMS),
                               ("fields", result.fields, LEAST_FIELDS),
                               ("answers", result.answers, LEAST_ANSWERS)):
        if count < least:
            failures.append(f"{count} {what} compared, {least} expected at least")
    corpus.finish("corpus_truth",
                  f"{result.streams} streams, {result.fields} fields, "
                  f"{result.answers} DNS records, {len(explained & seen)} explained", failures)


if __name__ == "__main__":
    main()
