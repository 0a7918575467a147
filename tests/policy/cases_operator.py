"""The operator's brakes by the tool he has: they hold within seconds and need no store."""
import glob
import json
import os
import shutil

from case import Wrong, expect, flows, log_lines, own_host, protects, warm
from cases_trouble import POLICYD
from procs import wait_for
from tool import OPERATOR, STRANGER, folder, has, mxwarden

SOON = 3  # seconds: files are read every second
REASON = ("--reason", "the lab says so")


def answers(host, wanted, name="stripped.test"):
    """Wait until the map says it, for as long as a brake may take."""
    wait_for(lambda: host.ask(name) == wanted,
             f"'{wanted}' for {name}, last: {host.ask(name)}", SOON)


def held(host, name="stripped.test", dsn="4.7.4"):
    recipient = host.send(name)
    expect(host, recipient, status="deferred", dsn=dsn)
    return recipient


def leaves(host, name="stripped.test", tls="clear"):
    expect(host, host.send(name), status="sent", tls=tls)


def left(host, recipient):
    """A message that was held leaves at its next turn."""
    host.flush()
    wait_for(lambda: any("status=sent" in line and f"to=<{recipient}>" in line
                         for line in log_lines(host, recipient)), f"{recipient} to leave", 10)


def secure(name):
    return f"OK secure match=mx.{name} servername=hostname"


def logged(host, *actions):
    """operator.log has exactly these lines, each with who, why and when."""
    with open(host.state_folder("operator") + "/operator.log") as f:
        lines = [json.loads(line) for line in f]
    if [line["action"] for line in lines] != list(actions):
        raise Wrong(f"operator.log has not {actions}", map(str, lines))
    for line in lines:
        if line["action"] != "release" and line["reason"] != REASON[1] or not line["who"]:
            raise Wrong(f"operator.log: {line}")


def domain_brakes(world):
    """bypass, report-only, pin and release, by an operator and by root."""
    with own_host(world, "brakes") as host:
        warm(host)
        waiting = held(host)
        for verb, person in (("bypass", OPERATOR), ("report-only", None)):
            has(mxwarden(host, f"policy {verb} stripped.test --for 1h", *REASON, person=person),
                "stripped.test is")
            answers(host, "NOTFOUND ")
            leaves(host)
            left(host, waiting)
            has(mxwarden(host, "policy release stripped.test", person=person), "is released")
            answers(host, secure("stripped.test"))
            waiting = held(host)
        pin(host)
        # The others were not touched.
        protects(host)
        logged(host, "bypass", "release", "report_only", "release", "pin", "pin", "release")


def pin(host):
    """A domain without policy: its mail needs the name that the operator gives."""
    leaves(host, "nopolicy.test", "Trusted")
    mxwarden(host, "policy pin nopolicy.test --mx mx.nopolicy.test", *REASON, person=OPERATOR)
    answers(host, secure("nopolicy.test"), "nopolicy.test")
    leaves(host, "nopolicy.test", "Verified")
    mxwarden(host, "policy pin nopolicy.test --mx mx.elsewhere.test", *REASON)
    answers(host, "OK secure match=mx.elsewhere.test servername=hostname", "nopolicy.test")
    held(host, "nopolicy.test", "4.7.5")
    mxwarden(host, "policy release nopolicy.test")
    answers(host, "NOTFOUND ", "nopolicy.test")
    leaves(host, "nopolicy.test", "Trusted")


def enforcement(world):
    """off and on; a file that nobody understands is off, too."""
    with own_host(world, "off") as host:
        warm(host, "good.test", "stripped.test", "unlisted.test", "nopolicy.test")
        waiting = held(host)
        mxwarden(host, "enforcement off --for 1h", *REASON, person=OPERATOR)
        answers(host, "NOTFOUND ")
        leaves(host)
        leaves(host, "unlisted.test", "Trusted")
        left(host, waiting)
        has(mxwarden(host, "enforcement status", person=OPERATOR), "enforcement is off until")
        mxwarden(host, "enforcement on", *REASON)
        answers(host, secure("stripped.test"))
        protects(host)
        host.write_file("var/lib/mxwarden/operator/enforcement.json", '{"state": "o')
        answers(host, "NOTFOUND ")
        leaves(host)
        has(mxwarden(host, "enforcement status"), "cannot be understood")
        mxwarden(host, "enforcement on", *REASON)
        answers(host, secure("stripped.test"))
        protects(host)
        logged(host, "enforcement-off", "enforcement-on", "enforcement-on")
        closed = folder(host, "closed")
        os.chmod(closed, 0o700)
        has(mxwarden(host, "enforcement status --operator-dir", closed, person=STRANGER, code=4),
            "it is not known whether enforcement is off", "Permission denied")


def without_store(world):
    """policyd is gone and its store with it: brakes work as ever, also across a restart."""
    with own_host(world, "nostore") as host:
        warm(host)
        host.stop(POLICYD)
        for path in glob.glob(host.state_folder("policyd") + "/*"):
            os.unlink(path) if os.path.isfile(path) else shutil.rmtree(path)
        protects(host)
        mxwarden(host, "policy bypass stripped.test --for 1h", *REASON)
        answers(host, "NOTFOUND ")
        leaves(host)
        # A map that starts knows the brake before its first answer.
        host.stop(host.map_unit)
        host.begin(host.map_unit)
        leaves(host)
        mxwarden(host, "policy release stripped.test")
        answers(host, secure("stripped.test"))
        held(host)
        mxwarden(host, "enforcement off --for 1h", *REASON)
        answers(host, "NOTFOUND ")
        leaves(host)
        mxwarden(host, "enforcement on", *REASON)
        answers(host, secure("stripped.test"))
        mxwarden(host, "policy pin plain.test --mx mx.plain.test", *REASON)
        answers(host, secure("plain.test"), "plain.test")
        held(host, "plain.test")
        flows(host)
        logged(host, "bypass", "release", "enforcement-off", "enforcement-on", "pin")
