"""Running the cases of a lab of mail servers: what must be there, who waits, what a line says."""
import concurrent.futures
import fcntl
import os
import shutil
import signal
import subprocess
import time
import traceback

from procs import Failure
from promise import Wrong
from sendmail import BINARY

LOCK = "/run/mxw-lab.lock"  # one for all labs: the names of their namespaces are fixed
SKIPPED = 77
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def missing(needs, sendmail=True):
    """Why a lab cannot be built here, or nothing. `needs`: command -> the package that brings it;
    `sendmail`: it runs the unpacked one."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid():
        return "it needs root"
    packages = sorted({p for c, p in needs.items() if not shutil.which(c)})
    if packages:
        return "packages are missing: " + " ".join(packages)
    if sendmail and not os.access(BINARY, os.X_OK):
        return "Sendmail is not unpacked: ./dev deps"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode:
        return "no network namespaces can be made"
    return ""


def attempt(world, case):
    """Runs one case; seconds, what went wrong and the lines that show it."""
    begun = time.monotonic()
    try:
        case.run(world)
        return time.monotonic() - begun, "", []
    except Wrong as e:
        what, lines = str(e), e.lines
    except Failure as e:
        what, lines = str(e), []
    except Exception as e:  # a mistake of the lab itself fails its case and no other
        what, lines = f"{type(e).__name__}: {e}", traceback.format_exc().split("\n")[-8:]
    return time.monotonic() - begun, what, lines


def run_cases(world, chosen, jobs):
    """Runs them, a line each; the number that failed."""
    failed = 0
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    futures = {pool.submit(attempt, world, case): case for case in chosen}
    for done in concurrent.futures.as_completed(futures):
        seconds, what, lines = done.result()
        failed += bool(what)
        print(f"{'FAIL' if what else 'ok  '} {futures[done].name:36} {seconds:6.1f} s", flush=True)
        for line in [what] * bool(what) + lines:
            print("     | " + line[:400], flush=True)
    return failed


def stop(world, *_):
    """A signal: remove everything and end at once, whatever the cases are just doing."""
    hold_signals()
    world.closed = True
    world.down()
    print("run: stopped by a signal", flush=True)
    os._exit(130)


def hold_signals():
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def within(world, start, chosen, jobs):
    """Starts the world, runs the cases in it and removes it; the number that failed."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: stop(world))
    try:
        start(world)
        return run_cases(world, chosen, jobs)
    finally:
        # A signal must not stop the cleaning up.
        hold_signals()
        world.down()


def locked(work, *args):
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return work(*args)


def cannot_run(name, why):
    """Says why a lab does not run; the exit code."""
    fatal = os.environ.get("CI") == "true"
    print(f"{name} {'FAILED' if fatal else 'skipped'}: {why}")
    return 1 if fatal else SKIPPED
