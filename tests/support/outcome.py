"""What became of one message, in the words that the cases compare."""
import re
from dataclasses import dataclass, field

TLS = re.compile(r"(\w+) TLS connection established to (\S+?)\[")
STATUS = re.compile(r"relay=([^\s,]+), delay=([\d.]+),.* dsn=([\d.]+), status=(\w+) \((.*)\)$")
PROCESS = re.compile(r"smtp\[(\d+)\]")


@dataclass(frozen=True)
class Outcome:
    """status: sent, deferred, bounced. tls: Verified, Trusted, Untrusted, Anonymous or clear."""
    status: str
    dsn: str
    tls: str
    relay: str = ""
    seconds: float = field(default=0, compare=False)
    text: str = field(default="", compare=False)

    def __str__(self):
        return f"{self.status} {self.dsn} {self.tls} {self.relay}"


def postfix_outcome(log, recipient):
    """The outcome in a Postfix log, or None while there is none."""
    lines = log.split("\n")
    for at, line in enumerate(lines):
        if f"to=<{recipient}>" in line and "status=" in line:
            found = STATUS.search(line)
            relay, delay, dsn, status, text = found.groups()
            host = relay.partition("[")[0]
            return Outcome(status, dsn, tls_before(lines[:at], line, host), host, float(delay),
                           text)
    return None


def tls_before(lines, status, host):
    """How the process that delivered came to be connected with the relay of its delivery."""
    mark = PROCESS.search(status)
    for line in reversed(lines):
        if not mark or mark.group(0) not in line:
            continue
        found = TLS.search(line)
        if found:
            return found.group(1) if found.group(2) == host else "clear"
        if "status=" in line:
            break
    return "clear"
