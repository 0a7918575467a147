#!/usr/bin/env python3
"""Same input, same bytes: two hash seeds, a pipe for the file, and the input split over two files.

usage: determinism.py SENSOR      (MXWARDEN_CORPUS names the corpus)

A capture cut in two at a packet boundary must give the same events, less pcap_filename, pcap_cnt
and what else counts frames: the list `frames` of an alert, and the number in `frame N` of its
evidence lines, because frames count from 1 in each file.
"""
import json
import re
import struct
import sys
import tempfile
from pathlib import Path

import corpus
import wire

SEEDS = (1, 0x9E3779B97F4A7C15)
LEAST_COMPARED, LEAST_SPLIT = 95, 80
FRAME = re.compile(r"\bframe \d+")


def packets_of(data):
    """End offsets of the packet records of a classic pcap file; None where it is something else."""
    order = wire.PCAP_ORDER.get(data[:4])
    if order is None:
        return None
    ends, at = [], 24
    while at + 16 <= len(data):
        at += 16 + struct.unpack_from(order + "I", data, at + 8)[0]
        if at > len(data):
            return None  # damaged: the part behind the damage belongs to no packet
        ends.append(at)
    return ends


def split(data, ends, folder):
    """Two files of the packets before and after the middle."""
    middle = ends[len(ends) // 2 - 1]
    paths = folder / "first.pcap", folder / "second.pcap"
    paths[0].write_bytes(data[:middle])
    paths[1].write_bytes(data[:24] + data[middle:])
    return paths


def without_frames(event):
    event = {k: v for k, v in event.items() if k not in ("pcap_filename", "pcap_cnt")}
    if event["event_type"] == "alert":
        facts = event["alert"]["metadata"]
        facts.pop("frames", None)
        facts["evidence"] = [FRAME.sub("frame N", line) for line in facts.get("evidence", [])]
    return event


def difference(whole, parts):
    """The first event that differs, as text; None where all are the same."""
    lists = [[without_frames(event) for event in ended.events()] for ended in (whole, parts)]
    if len(lists[0]) != len(lists[1]):
        return f"{len(lists[0])} events of one file, {len(lists[1])} of two"
    for one, two in zip(*lists):
        if one != two:
            return f"{json.dumps(one)[:1500]}\n  of two files: {json.dumps(two)[:1500]}"
    return None


def check(sensor, folder, name):
    """(failures, compared with another seed, compared when split)."""
    path = folder / name
    first, second = (corpus.run(sensor, [path], "--hash-seed", seed) for seed in SEEDS)
    for ended in (first, second):
        if ended.trouble():
            return [f"{name}: {ended.trouble()}"], 0, 0
    failures = []
    if (first.out, first.err, first.code) != (second.out, second.err, second.code):
        failures.append(f"{name}: another hash seed, another output")
    data = path.read_bytes()
    piped = corpus.run(sensor, ["-"], stdin=data)
    name_of = f'"pcap_filename":"{path.name}"'.encode(), b'"pcap_filename":"-"'
    if piped.code != first.code or piped.out != first.out.replace(*name_of):
        failures.append(f"{name}: another output when it comes through a pipe")
    ends = packets_of(data)
    if first.code != 0 or ends is None or len(ends) < 2:
        return failures, int(bool(first.out)), 0
    with tempfile.TemporaryDirectory(prefix="mxw-split-") as scratch:
        parts = corpus.run(sensor, split(data, ends, Path(scratch)))
    if parts.trouble() or parts.code != 0:
        return failures + [f"{name} split: exit {parts.code} {parts.trouble()}"], 1, 0
    differs = difference(first, parts)
    if differs:
        failures.append(f"{name} split in two: {differs}")
    return failures, 1, 1


def main():
    sensor = sys.argv[1]
    folder = corpus.root_or_skip()
    names = [row["path"] for row in corpus.manifest(folder)]
    results = corpus.in_parallel(lambda name: check(sensor, folder, name), names)
    failures = [line for failed, _, _ in results for line in failed]
    compared, halves = sum(r[1] for r in results), sum(r[2] for r in results)
    if compared < LEAST_COMPARED or halves < LEAST_SPLIT:
        failures.append(f"only {compared} captures with output, {halves} split")
    corpus.finish("corpus_determinism",
                  f"{compared} captures under two hash seeds and piped, {halves} split in two",
                  failures)


if __name__ == "__main__":
    main()
