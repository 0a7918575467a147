"""Contract: what a client reads for each reply of a milter (README.md), and what edits do."""
import re

from contract import same
from mta import PostfixServer
from procs import run, wait_for
from promise import Case, Wrong
from rawmilter import header_add, header_change, header_insert, quarantine

TEXT = "MTA-STS policy for example.org not met"
AGAIN = {"postfix": "451 4.7.1 Service unavailable - try again later",
         "sendmail": "451 4.3.2 Please try again later"}
# In vain: what is said after MAIL failed, and to DATA when no recipient is left.
NO_MAIL = {"postfix": "503 5.5.1", "sendmail": "503 5.0.0"}
NO_RCPT = {"postfix": "554 5.5.1 Error: no valid recipients",
           "sendmail": "503 5.0.0 Need RCPT (recipient)"}
STEPS = ("banner", "ehlo", "mail", "x", "y", "end")


def dialogue(world, mta, recipients=("x@example.org", "y@remote.test")):
    """What a client reads at each step; it goes on whatever it reads."""
    s = world.contract.client(mta)
    read = {"banner": s.banner, "ehlo": s.say("EHLO client.example.com"),
            "mail": s.say("MAIL FROM:<correspondent@example.com>")}
    for step, recipient in zip(("x", "y"), recipients):
        read[step] = s.say(f"RCPT TO:<{recipient}>")
    read["end"] = s.body("Subject: reply")
    s.close()
    return read


def compare(what, read, wanted):
    """Steps that are not named go well; `` is a closed connection."""
    for step in STEPS:
        want = wanted.get(step, {"banner": "220", "ehlo": "250"}.get(step, "250 2."))
        found = read[step]
        if not found.startswith(want) if want else found:
            raise Wrong(f"{what}: {step} is {found!r}, not {want!r}", [str(read)])


def lost(mta):
    """MAIL failed: so does all that follows."""
    return {"x": NO_MAIL[mta], "y": NO_MAIL[mta], "end": "503 5."}


def at_connect(mta, reply):
    postfix = mta == "postfix"
    if reply == "tempfail":
        return {"mail": AGAIN[mta], **lost(mta)}
    if reply.startswith("451"):
        return {"mail": reply if postfix else AGAIN[mta], **lost(mta)}
    if reply.startswith("421"):
        banner = ("421 mx1.example.org Service unavailable - try again later" if postfix
                  else "421 4.7.0 mx2.example.org closing connection")
        return {"banner": banner, **dict.fromkeys(STEPS[1:], "")}
    refused = {"banner": "554 ", "mail": reply if postfix else "550 5.0.0 Command rejected"}
    return {**refused, **(lost(mta) if postfix else dict.fromkeys(("x", "y", "end"), "550 5.0.0"))}


def at_helo(mta, reply):
    if reply == "tempfail":
        return {"mail": AGAIN[mta], **lost(mta)}
    if mta == "postfix":
        return {"mail": reply, **lost(mta)}
    return dict.fromkeys(("mail", "x", "y", "end"), reply)


def at_mail(mta, reply):
    return {"mail": AGAIN[mta] if reply == "tempfail" else reply, **lost(mta)}


def at_rcpt(mta, reply):
    """For one recipient of two: the other one goes through."""
    if reply == "tempfail":
        return {"x": AGAIN[mta]}
    if reply.startswith("421"):
        return {"x": reply, "y": "", "end": ""}
    if reply.startswith("451 4") or mta == "postfix":
        return {"x": reply}
    if reply.startswith("451"):
        return {"x": reply.replace("451 ", "451 4.0.0 ")}
    return {"x": "550 5.7.30 <x@example.org>... " + reply.split(" ", 2)[2]}


def at_end(mta, reply):
    """At DATA and at the end of the message."""
    if reply == "shutdown":
        return {} if mta == "postfix" else {"end": AGAIN[mta]}
    return {"end": AGAIN[mta] if reply == "tempfail" else reply}


ROWS = [("CONNECT", at_connect, ("tempfail", "451 4.7.5 " + TEXT, "421 4.7.5 closing", "550 5.7.30 no")),
        ("HELO", at_helo, ("tempfail", "451 4.7.5 " + TEXT)),
        ("MAIL", at_mail, ("tempfail", "451 4.7.5 " + TEXT)),
        ("RCPT", at_rcpt, ("tempfail", "451 4.7.5 " + TEXT, "451 policy not met", "421 4.7.5 closing",
                           "550 5.7.30 no")),
        ("DATA", at_end, ("tempfail", "451 4.7.5 " + TEXT, "421 4.7.5 closing")),
        ("EOM", at_end, ("tempfail", "451 4.7.5 " + TEXT, "421 4.7.5 closing", "shutdown"))]


def replies(stage, wanted, each):
    def check(world):
        for reply in each:
            for mta in ("postfix", "sendmail"):
                text = "x@" if stage == "RCPT" else ""
                with world.contract.raw[mta].playing(answers={stage: [(text, reply)]}):
                    compare(f"{mta}, {stage} {reply}", dialogue(world, mta), wanted(mta, reply))
    return check


def no_recipient_left(world):
    for mta in ("postfix", "sendmail"):
        for reply in ("451 4.7.5 " + TEXT, "tempfail"):
            said = AGAIN[mta] if reply == "tempfail" else reply
            with world.contract.raw[mta].playing(answers={"RCPT": [("", reply)]}):
                compare(f"{mta}, every recipient", dialogue(world, mta),
                        {"x": said, "y": said, "end": NO_RCPT[mta]})


def discard(world):
    """At the end of the message: a yes, and no mail."""
    recipient = "discarded@remote.test"
    for mta in ("postfix", "sendmail"):
        with world.contract.raw[mta].playing(answers={"EOM": [("", "discard")]}):
            compare(mta, dialogue(world, mta, ("x@example.org", recipient)), {})
    kept = "kept@remote.test"
    for mta in ("postfix", "sendmail"):
        with world.contract.raw[mta].playing():
            compare(mta, dialogue(world, mta, ("x@example.org", mta + kept)), {})
        world.sink.wait(mta + kept)
    world.sink.absent(recipient)


def milter_down(world):
    c, wanted = world.contract, {
        2601: {"mail": AGAIN["postfix"], **lost("postfix")}, 2602: {},
        2603: {"banner": "554 ", "mail": "550 5.5.0 Service unavailable", **lost("postfix")}, 2604: {}}
    for port, expected in wanted.items():
        s = c.client("postfix", port)
        read = {"banner": s.banner, "ehlo": s.say("EHLO client.example.com"),
                "mail": s.say("MAIL FROM:<correspondent@example.com>"),
                "x": s.say("RCPT TO:<x@example.org>"), "y": s.say("RCPT TO:<y@remote.test>"),
                "end": s.body("Subject: down")}
        s.close()
        compare(f"nobody at port {port}", read, expected)
    wait_for(lambda: c.postfix.has("milter triggers HOLD action") or c.postfix.queue()["hold"],
             "a message on hold", 5)


def gone_in_between(world):
    """The milter closes at each stage: with default_action=accept Postfix goes on, with F=T Sendmail defers."""
    for stage in ("CONNECT", "HELO", "MAIL", "RCPT", "DATA", "EOM"):
        with world.contract.raw["postfix"].playing(answers={stage: [("", "gone")]}):
            compare(f"gone at {stage}", dialogue(world, "postfix"), {})
    with world.contract.raw["sendmail"].playing(answers={"EOM": [("", "gone")]}):
        compare("gone from Sendmail", dialogue(world, "sendmail"), {"end": AGAIN["sendmail"]})


def split(world):
    """One of two recipients is deferred: a real Postfix has sent to the other, asks the next server at once, and
    sends when it may."""
    c, sender = world.contract, split_sender(world)
    answers = {"RCPT": [("y@", "451 4.7.5 " + TEXT)]}
    with c.raw["postfix"].playing(answers=answers), c.raw["sendmail"].playing(answers=answers):
        run("/usr/sbin/sendmail", "-C", sender.etc, "-f", "a@example.com", "x@split.test",
            "y@split.test", ns=sender.ns, stdin="Subject: split\n\nOne line.\n")
        wait_for(lambda: sender.has("to=<y@split.test>"), "an attempt for y", 20)
    lines = sender.read_log().split("\n")
    x, y = (next(line for line in lines if f"to=<{who}@split.test>" in line) for who in "xy")
    for line, parts in ((x, ("relay=mx1.split.test", "status=sent")),
                        (y, ("relay=mx2.split.test", "dsn=4.7.5, status=deferred", TEXT))):
        for part in parts:
            if part not in line:
                raise Wrong(f"no '{part}' in what the sender wrote", [line])
    if not c.postfix.has(f"milter-reject: RCPT from client.split.test[{sender.address}]: 451 4.7.5"):
        raise Wrong("no milter-reject in the receiver's log", c.log("postfix")[-8:])
    world.sink.wait("x@split.test")
    with c.raw["postfix"].playing():
        world.sink.wait("y@split.test", 20)


def split_sender(world):
    c = world.contract
    sender = PostfixServer(world.dir + "/split/pf", "mxw-split")
    sender.address = world.add_host("mxw-split")[0]
    world.names.mx["split.test"] = [(10, "mx1.split.test"), (20, "mx2.split.test")]
    world.names.addresses.update({"mx1.split.test": [c.address], "mx2.split.test": [c.second]})
    with open("/etc/netns/mxw-contract/hosts", "a") as f:
        f.write(f"{sender.address} client.split.test\n")
    sender.write({"myhostname": "client.split.test", "mydomain": "example.com",
                  "myorigin": "example.com", "inet_interfaces": "loopback-only",
                  "maillog_file_prefixes": "/run", "minimal_backoff_time": "2s",
                  "maximal_backoff_time": "4s", "queue_run_delay": "1s"}, "")
    sender.start()
    return sender


def headers_of(world, mta, recipient, sent, **script):
    """What the mail server outside got of a message: its header lines, folded ones with their newline."""
    with world.contract.raw[mta].playing(**script):
        with world.contract.client(mta) as s:
            s.ehlo()
            s.need("MAIL FROM:<correspondent@example.com>")
            s.need(f"RCPT TO:<{recipient}>")
            same("the message", s.body(*sent)[:3], "250")
    text = world.sink.wait(recipient).split("\r\n\r\n")[0]
    return re.split(r"\r\n(?![ \t])", text)


FORGED = "Authentication-Results: mx1.example.org; x-tls=pass"


def edits(world):
    folded = "mx1.example.org;\n\tx-tls=pass"
    script = {"edits": [header_add("X-Last", "a"), header_insert(1, "X-Second", "b"),
                        header_insert(0, "X-First", folded)]}
    for mta in ("postfix", "sendmail"):
        found = headers_of(world, mta, f"edit-{mta}@remote.test", ["Subject: edit"], **script)
        names = [line.split(":")[0] for line in found]
        same(mta + ", the first two", (names[0], names[-1]), ("X-First", "X-Last"))
        if names.index("X-Second") < names.index("Received"):
            raise Wrong(f"{mta}: index 1 is above Received", found)
        same(mta + ", folded", found[0], "X-First: " + folded.replace("\n", "\r\n"))


def forged(world):
    """What a client claims passes untouched unless the milter removes it."""
    other = "Authentication-Results: other.example.net; spf=pass"
    for mta in ("postfix", "sendmail"):
        sent = [FORGED, other, "Subject: forged"]
        found = headers_of(world, mta, f"forged-{mta}@remote.test", sent)
        same(mta, [h for h in found if h.startswith("Authent")], [FORGED, other])
        found = headers_of(world, mta, f"cleaned-{mta}@remote.test", sent,
                           edits=[header_change(1, "Authentication-Results", "")])
        same(mta, [h for h in found if h.startswith("Authent")], [other])


def held(world):
    """Quarantine is for the whole message."""
    c = world.contract
    before = len(c.postfix.queue()["hold"])
    for mta in ("postfix", "sendmail"):
        with c.raw[mta].playing(edits=[quarantine("transport policy")]):
            compare(mta, dialogue(world, mta, ("x@example.org", "held@remote.test")), {})
    wait_for(lambda: len(c.postfix.queue()["hold"]) > before, "a message on hold", 5)
    wait_for(c.sendmail.held, "a quarantined message", 5)
    world.sink.absent("held@remote.test")


CASES = [Case(f"contract/reply-{stage.lower()}", replies(stage, wanted, each))
         for stage, wanted, each in ROWS] + [
    Case("contract/" + name, run_it) for name, run_it in (
        ("reply-no-recipient-left", no_recipient_left), ("reply-discard", discard),
        ("down", milter_down), ("gone", gone_in_between), ("split", split), ("edits", edits),
        ("forged", forged), ("quarantine", held))]
