#!/usr/bin/env python3
"""What fires on sound captures of others, without policies, and why each is defensible.

usage: findings.py SENSOR [--list]      (MXWARDEN_CORPUS names the corpus)

corpus_findings.tsv lists every alert on the captures of set `share`; the comparison is exact in
both directions. A finding of medium or above there is a false alarm unless its reason proves it.
"""
import collections
import sys
from pathlib import Path

import corpus

LISTED = Path(__file__).with_name("corpus_findings.tsv")
LEAST_CAPTURES, LEAST_SESSIONS = 75, 40
SHOWN_AS_ALARM = ("medium", "high", "critical")


def findings_of(sensor, path):
    """(trouble or None, Counter of (rule, severity, reason), number of sessions)."""
    ended = corpus.run(sensor, [path])
    if ended.trouble():
        return ended.trouble(), collections.Counter(), 0
    found, sessions = collections.Counter(), 0
    for event in ended.events():
        sessions += event["event_type"] == "starttls"
        if event["event_type"] == "alert":
            facts = event["alert"]["metadata"]
            found[facts["rule"][0], facts["severity"][0], facts.get("reason", ["-"])[0]] += 1
    return None, found, sessions


def listed_findings(failures):
    listed = {}
    for row in corpus.read_tsv(LISTED):
        key = (row["file"], row["rule"], row["severity"], row["reason"])
        listed[key] = int(row["count"])
        if len((row["why"] or "").split()) < 5:
            failures.append("corpus_findings.tsv: no why: " + " ".join(key))
    return listed


def main():
    sensor, listing = sys.argv[1], "--list" in sys.argv[2:]
    folder = corpus.root_or_skip()
    names = [row["path"] for row in corpus.manifest(folder) if row["set"] == "share"]
    results = corpus.in_parallel(lambda name: findings_of(sensor, folder / name), names)
    failures, seen, sessions = [], {}, 0
    for name, (trouble, found, count) in zip(names, results):
        sessions += count
        if trouble:
            failures.append(f"{name}: {trouble}")
        for key, times in found.items():
            seen[(name, *key)] = times
    if listing:
        for key, times in sorted(seen.items()):
            print("\t".join(key) + f"\t{times}\t")
        return
    listed = listed_findings(failures)
    for key in sorted(seen.keys() | listed.keys()):
        if seen.get(key, 0) != listed.get(key, 0):
            times = f"{seen.get(key, 0)} times, listed {listed.get(key, 0)}"
            failures.append(f"{' '.join(key)}: {times}")
    if len(names) < LEAST_CAPTURES or sessions < LEAST_SESSIONS:
        failures.append(f"only {len(names)} captures with {sessions} sessions")
    alarms = sum(times for key, times in seen.items() if key[2] in SHOWN_AS_ALARM)
    corpus.finish("corpus_findings",
                  f"{len(names)} captures, {sessions} sessions, {sum(seen.values())} findings, "
                  f"{alarms} of medium or above", failures)


if __name__ == "__main__":
    main()
