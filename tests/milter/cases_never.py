"""The default milter never: changes an answer, a byte of the mail, or an envelope, but for forged results of its
own and its header on inbound mail; and names nobody. The paths of the mail are under a verdict all the time."""
import re

from case import shared
from cases_defer import BOTH, NEEDS, VERDICTS, blocked
from hosts import taken
from mta import PASSWORD, USER
from promise import Case, Wrong
from world import STRANGER

OTHER = "Authentication-Results: other.example.net;\r\n spf=pass smtp.mailfrom=example.com;\tdkim=none"
BODY = "A line.\r\n..dot\r\n\r\n" + "x" * 900 + "\r\n end "


def message(mark, own):
    """Headers so complete that no mail server adds one; `own` is our name there."""
    return ["Received: from earlier.example.com by " + own + "; Thu, 1 Jan 2026 00:00:00 +0000",
            f"Authentication-Results: {own}; x-tls=pass smtp.version=TLSv9; spf=pass; x-mta-sts=pass",
            OTHER, "From: <a@example.com>", f"Subject: {mark}", "To: undisclosed:;",
            "Date: Thu, 1 Jan 2026 00:00:00 +0000", f"Message-ID: <{mark}@example.com>", "X-Odd:\t value \t"]


def compare(what, text, sent):
    """What arrived is what was sent, below lines that the mail server itself puts on top."""
    original = "\r\n".join([*sent, "", BODY.replace("\r\n..", "\r\n."), ""])
    head = text.removesuffix(original)
    if head == text:
        raise Wrong(f"{what}: the mail was changed", text.split("\r\n")[:24])
    for line in re.split(r"\r\n(?![ \t])", head.rstrip("\r\n")):
        if line and not line.startswith(("Received:", "Return-Path:")):
            raise Wrong(f"{what}: a header was added: {line}")


def outbound(mta, own):
    def check(world):
        with shared(world, "plain", mta) as host:
            domain, _ = blocked(world)
            host.knows(domain, "blocked")
            sessions = {"relay": host.client, "submission": lambda: login(host)}
            for role, begin in sessions.items():
                for sender in ("sendernever@example.com", ""):
                    recipient, mark = f"recipient{role}{len(sender)}@{domain}", f"{role}{len(sender)}"
                    sent = message(mark, own)
                    with begin() as s:
                        s.ehlo()
                        replies = [s.say(f"MAIL FROM:<{sender}>"), s.say(f"RCPT TO:<{recipient}>"),
                                   s.body(*sent, text=BODY)]
                    for reply in replies:
                        taken(f"{mta}, {role}", reply)
                    compare(f"{mta}, {role}", world.sink.wait(recipient), sent)
                found = host.decisions(domain)[-1]
                if (found["role"], found["path"]) != (role, "blocked"):
                    raise Wrong(f"{mta}, {role}: {found}")
            host.no_local_part("sendernever", "recipientrelay", "recipientsubmission")
    return check


def login(host):
    s = host.client(587, source=STRANGER)
    s.ehlo()
    s.starttls()
    s.login(USER, PASSWORD)
    return s


def inbound(mta, own):
    """Of a forged line the other method's result stays, a line of others stays whole; ours comes on top."""
    def check(world):
        with shared(world, "plain", mta) as host:
            sent = message("inbound", own)
            with host.client(source=STRANGER) as s:
                s.ehlo()
                for reply in (s.say("MAIL FROM:<strangernever@example.net>"),
                              s.say("RCPT TO:<mailboxnever@example.org>"), s.body(*sent, text=BODY)):
                    taken(mta, reply)
            text = host.arrived("Subject: inbound")
            lines = re.split(r"\n(?![ \t])", text.replace("\r\n", "\n").split("\n\n")[0])
            results = [line for line in lines if line.startswith("Authentication-Results:")]
            wanted = [f"Authentication-Results: {own}; x-tls=none",
                      f"Authentication-Results: {own}; spf=pass", OTHER.replace("\r\n", "\n")]
            if results != wanted:
                raise Wrong(f"{mta}: {results}", wanted)
            if lines.index(results[0]) > next(n for n, line in enumerate(lines) if line.startswith("Received:")):
                raise Wrong(f"{mta}: our header is below Received", lines)
            rest = [line for line in sent if not line.startswith("Authent")]
            if [line for line in lines if line in rest] != rest:
                raise Wrong(f"{mta}: other headers were changed", lines)
            host.no_local_part("strangernever", "mailboxnever")
    return check


def trusted(world):
    """From a trusted peer nothing is removed: also results in our own name stay."""
    with shared(world, "plain", "postfix") as host:
        sent = message("peer", "mx1.example.org")
        with host.client() as s:
            s.ehlo()
            s.need("MAIL FROM:<correspondent@example.com>")
            s.need("RCPT TO:<mailboxnever@example.org>")
            taken("peer", s.body(*sent, text=BODY))
        text = host.arrived("Subject: peer").replace("\r\n", "\n")
        if "\n".join(sent[:3]).replace("\r\n", "\n") not in text:
            raise Wrong("a trusted peer's header was changed", text.split("\n")[:12])


NAMES = {"postfix": "mx1.example.org", "sendmail": "mx2.example.org"}
CASES = [Case(f"never/{name}-{mta}", make(mta, NAMES[mta]), needs) for mta in BOTH
         for name, make, needs in (("outbound", outbound, VERDICTS), ("inbound", inbound, NEEDS))] + [
    Case("never/trusted", trusted, NEEDS)]
