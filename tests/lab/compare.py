"""Do captures make the same rules fire as the committed table says?

New captures have other keys, ports and times, so bytes cannot be compared; rule ids can.
"""
import json
import os
import subprocess

import manifest
from procs import Failure

# Whose networks a tap on that side calls its own.
OWN = {"s": ["192.0.2.0/24", "2001:db8:1::/48"], "r": ["198.51.100.0/24", "2001:db8:2::/48"]}


def differences(sensor, folder, table, cases):
    """One line of text for each capture whose rules are not those of the table."""
    rows = manifest.read(table)
    found = []
    for case in cases:
        for side in case.sides:
            name = case.file(side)
            if name not in rows:
                found.append(f"{name}: not in {table}")
                continue
            wanted = rules_of(rows[name])
            try:
                seen = fired(sensor, folder, case, side)
            except (Failure, subprocess.TimeoutExpired) as e:
                found.append(f"{name}: {e}")
                continue
            if seen != wanted:
                found.append(f"{name}: missing {text(wanted - seen)},"
                             f" not expected {text(seen - wanted)}")
    return found


def rules_of(row):
    listed = row[manifest.COLUMNS.index("expect_rules")]
    return set() if listed == "none" else set(listed.split(","))


def fired(sensor, folder, case, side):
    """The rules with at least one alert, info included."""
    argv = [sensor, "-r", os.path.join(folder, case.file(side)), "--policies",
            os.path.join(folder, "policies"), "--ca-file", os.path.join(folder, "ca", case.ca),
            "--format", "eve"]
    for network in OWN[side]:
        argv += ["--own", network]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {rule for e in events if e["event_type"] == "alert"
            for rule in e["alert"]["metadata"]["rule"]}


def text(rules):
    return ",".join(sorted(rules)) or "none"
