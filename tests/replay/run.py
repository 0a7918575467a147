#!/usr/bin/env python3
"""Golden replays: every case folder holds `args` and what the sensor must print, byte for byte.

usage: run.py SENSOR [--update] [CASE...]

A case is a folder beside this file with
  args       one line of options; paths are relative to the top of the repository
  eve.json   the EVE output, or
  text.txt   the text output without its first line (it names version and commit)
and `exit`, the exit code, when it is not 0. --update writes what the sensor prints now: read the
difference in version control before you believe it.
"""
import difflib
import pathlib
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
FORMATS = {"eve": "eve.json", "text": "text.txt"}


def replay(sensor, args, fmt):
    done = subprocess.run([sensor, *args, "--format", fmt], cwd=TOP, capture_output=True, timeout=120)
    out = done.stdout
    if fmt == "text":
        out = out.partition(b"\n")[2]
    return done.returncode, out, done.stderr.decode(errors="replace")


def difference(want, have, name):
    lines = difflib.unified_diff(want.decode(errors="replace").splitlines(), have.decode(errors="replace").splitlines(),
                                 "expected " + name, "printed", lineterm="", n=1)
    return "\n".join(list(lines)[:40])


def check(sensor, case, update):
    args = shlex.split((case / "args").read_text())
    exit_file = case / "exit"
    want_exit = int(exit_file.read_text()) if exit_file.exists() else 0
    problems = []
    for fmt, name in FORMATS.items():
        golden = case / name
        if not golden.exists():
            continue
        code, out, err = replay(sensor, args, fmt)
        if update:
            golden.write_bytes(out)
            continue
        if code != want_exit:
            problems.append("exit %d, expected %d: %s" % (code, want_exit, err.strip()[:300]))
        if out != golden.read_bytes():
            problems.append(difference(golden.read_bytes(), out, name))
    return problems


def main():
    sensor = str(pathlib.Path(sys.argv[1]).resolve())
    update = "--update" in sys.argv
    named = [a for a in sys.argv[2:] if not a.startswith("--")]
    cases = sorted(p.parent for p in HERE.glob("*/args") if not named or p.parent.name in named)
    if not cases:
        print("no case found")
        return 1
    failed = 0
    for case in cases:
        problems = check(sensor, case, update)
        failed += bool(problems)
        for problem in problems:
            print("%s: %s" % (case.name, problem))
    print("replay: %d cases, %d failed" % (len(cases), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
