"""What a case is, and what all cases use."""
import contextlib
import re

from domains import BY_NAME, FRESH
from host import Host
from procs import Failure
from promise import Case, Wrong

PATIENCE = 10  # seconds within which mail leaves that is none of our business


def log_lines(host, recipient):
    """The lines of a Postfix log that tell the story of one message."""
    lines = host.postfix.read_log().split("\n")
    ids = {m.group(1) for line in lines if f"<{recipient}>" in line
           if (m := re.search(r"\]: (\w{6,}): ", line))}
    pids = {m.group(0) for line in lines if f"<{recipient}>" in line
            if (m := re.search(r"smtp\[\d+\]", line))}
    return [line for line in lines if any(i in line for i in ids | pids)][-25:]


def expect(host, recipient, **wanted):
    """Wait for the first attempt and compare members of its outcome."""
    try:
        outcome = host.outcome(recipient)
    except Failure as e:
        raise Wrong(str(e), log_lines(host, recipient) + host.last_words()) from e
    for member, value in wanted.items():
        if getattr(outcome, member) != value:
            raise Wrong(f"{recipient}: {member} is not {value}: {outcome}",
                        log_lines(host, recipient) + host.last_words())
    return outcome


_fresh = iter(range(1, 1_000_000))


def fresh():
    """A domain without policy that nobody asked for before."""
    return f"d{next(_fresh)}.{FRESH}"


def expect_flow(host, recipients):
    """Each message left at its first attempt, and soon."""
    for recipient in recipients:
        outcome = expect(host, recipient, status="sent")
        if outcome.seconds > PATIENCE:
            raise Wrong(f"{recipient} left after {outcome.seconds} s", log_lines(host, recipient))


def flows(host, count=4):
    """Mail to domains without policy leaves, asked for before or not."""
    expect_flow(host, [host.send("nopolicy.test")] + [host.send(fresh()) for _ in range(count)])


def protects(host):
    """What the cache knows still binds: the good one verified, the stripped one held."""
    good, stripped = host.send("good.test"), host.send("stripped.test")
    expect(host, good, status="sent", tls="Verified")
    expect(host, stripped, status="deferred", dsn="4.7.4")


def warm(host, *names):
    """The map answers for these as it should, and will go on without policyd."""
    names = names or ("good.test", "stripped.test", "nopolicy.test")
    for name in names:
        host.warm(BY_NAME[name])
    host.hold(names)


@contextlib.contextmanager
def own_host(world, name, kind="enforce", **how):
    """A host for one case alone: what is done to it disturbs no other."""
    host = Host(world, name, kind)
    try:
        yield host.up(**how)
    finally:
        host.down()
