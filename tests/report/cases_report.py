"""What goes out: from datagrams to mails and posts."""
import email
import email.policy
import gzip
import json
import os
import re
import time

import datagrams
import dkim
import jsonschema
from procs import Failure, wait_for
from promise import Case, Wrong
from world import CONTACT, Host

TODAY = int(time.time()) // 86400
DOMAINS = {"mail.test": ["mailto:r@mail.test"], "https.test": ["https://rua.test/https"],
           "down.test": ["https://rua.test/down"], "bounce.test": ["mailto:nobody@bounce.test"],
           "second.test": ["https://rua.test/refused", "mailto:second@second.test"]}
NAMED = '\n[tlsrpt]\norganisation = "Example Net"\ncontact = "tls-reports@reports.test"\n'


def day(back=0):
    return time.strftime("%Y-%m-%d", time.gmtime((TODAY - back) * 86400))


def prepare(world):
    """The host of most cases: it counts, then today becomes yesterday and it reports."""
    world.rua.refuse = {"/down": 503, "/refused": 404}
    world.sink.refused = {"nobody@bounce.test"}
    for domain, rua in DOMAINS.items():
        world.asks(domain, *rua)
    # Of Postfix nothing leaves without TLS, which nobody here has: but report mail.
    host = Host(world, "rep").up(NAMED, {"smtp_tls_security_level": "encrypt"})
    world.host = host
    sessions = [datagrams.session(d, rua) for d, rua in DOMAINS.items() for _ in range(3)]
    sessions += [datagrams.session(d, rua, 201) for d, rua in DOMAINS.items() for _ in range(2)]
    datagrams.send(host.datagrams, sessions)
    host.wait_metric('mxwarden_reportd_sessions_total{result="committed"}', 25)
    world.partial = json.loads(host.tool("build", day(), "mail.test", "--partial"))
    world.probed = probe(host)
    host.as_yesterday(TODAY, host.sends())


PROBES = [b"{nope", b'{"dpv":"1","d":"x.test\xff"}', b"5", b'{"dpv":"1","d":"a.test","pr":"x","policies":null}',
          b"[]", b'{"dpv":"1","d":"a.test","pr":"x","policies":[{"policy-type":2,"t":0}]}',
          b'{"dpv":"2","d":"a.test","pr":"x","policies":[{"policy-type":9,"t":0,"f":0}]}']


def probe(host):
    """Garbage, strangers and what the library really sent; the counters before and after."""
    before = {name: host.metric(name) for name in COUNTED}
    datagrams.send(host.datagrams, PROBES)
    datagrams.send(host.datagrams, [datagrams.session("stranger.test", ["mailto:a@stranger.test"])], "nobody")
    good = datagrams.samples() or [datagrams.session("extra.test", ["mailto:r@extra.test"])]
    datagrams.send(host.datagrams, good)
    host.wait_metric(COUNTED[0], before[COUNTED[0]] + len(good))
    after = {name: host.metric(name) for name in COUNTED}
    return good, {name: after[name] - before[name] for name in COUNTED}


COUNTED = ['mxwarden_reportd_datagrams_total{result="counted"}',
           'mxwarden_reportd_datagrams_total{result="foreign"}']


def strict(report):
    """Valid by the strict schema, where there is one."""
    path = os.path.join(os.environ.get("MXWARDEN_TLSRPT", ""), "tlsrpt.schema.json")
    if not os.path.exists(path):
        return
    with open(path) as f:
        validator = jsonschema.Draft202012Validator(json.load(f))
    problems = [e.message for e in validator.iter_errors(report)]
    if problems:
        raise Wrong(f"the schema refuses it: {problems[0]}", [json.dumps(report)])


def expect(what, found, wanted):
    if found != wanted:
        raise Wrong(f"{what}: {found!r}, not {wanted!r}")


def counts(report, success, failure):
    summary = report["policies"][0]["summary"]
    expect("sessions", (summary["total-successful-session-count"], summary["total-failure-session-count"]),
           (success, failure))


def partial(world):
    strict(world.partial)
    counts(world.partial, 3, 2)
    listed = world.host.tool("list", day(0))
    expect("reports of a day that goes on", listed, "")


def probes(world):
    good, counted = world.probed
    expect("datagrams counted", counted[COUNTED[0]], len(good))
    expect("datagrams of a stranger", counted[COUNTED[1]], 1)


def report_mail(world, recipient):
    return world.sink.wait(recipient, 60)


def mail(world):
    text = report_mail(world, "r@mail.test")
    message = email.message_from_string(text, policy=email.policy.default)
    expect("From", message["From"].addresses[0].addr_spec, CONTACT)
    expect("TLS-Report-Domain", message["TLS-Report-Domain"], "mail.test")
    expect("TLS-Report-Submitter", message["TLS-Report-Submitter"], "reports.test")
    expect("TLS-Required", message["TLS-Required"], "No")
    expect("type", (message.get_content_type(), message.get_param("report-type")), ("multipart/report", "tlsrpt"))
    parts = list(message.iter_parts())
    expect("parts", [p.get_content_type() for p in parts], ["text/plain", "application/tlsrpt+gzip"])
    if message.defects or any(p.defects for p in parts):
        raise Wrong(f"defects: {message.defects}", text.split("\n"))
    report = json.loads(gzip.decompress(parts[1].get_payload(decode=True)))
    strict(report)
    counts(report, 3, 2)
    expect("file name", bool(re.fullmatch(r"reports\.test!mail\.test!\d+!\d+!\w+\.json\.gz", parts[1].get_filename())), True)
    expect("Message-ID", message["Message-ID"].strip("<>"), report["report-id"])
    expect("day", report["date-range"]["start-datetime"], day(1) + "T00:00:00Z")
    detail = report["policies"][0]["failure-details"][0]
    expect("EHLO name", detail["receiving-mx-helo"], "mx.mail.test")


def signed(world):
    text = report_mail(world, "r@mail.test").replace("\r\n", "\n").replace("\n", "\r\n").encode()

    def record(name, **_):
        return world.names.txt.get(name.decode().rstrip("."), "").encode() or None
    signatures = [v for k, v in email.message_from_bytes(text).items() if k == "DKIM-Signature"]
    expect("signatures", len(signatures), 2)
    for number, field in enumerate(signatures):
        if re.search(r"(^|;)\s*l=", field):
            raise Wrong("a signature has l=", [field])
        names = [n.strip().lower() for n in re.search(r"h=([^;]*)", field).group(1).split(":")]
        missing = {"from", "to", "subject", "date", "message-id", "tls-report-domain", "tls-report-submitter",
                   "tls-required"} - set(names)
        expect("fields not signed", missing, set())
        if not dkim.DKIM(text, tlsrpt="strict").verify(number, dnsfunc=record):
            raise Wrong(f"python3-dkim does not verify signature {number}", [field])


def https(world):
    wait_for(lambda: world.rua.reports("/https"), "a report by HTTPS", 60)
    report = world.rua.reports("/https")[0]
    strict(report)
    counts(report, 3, 2)
    headers = next(h for path, h, _ in world.rua.posts if path == "/https")
    expect("Content-Type", headers["content-type"], "application/tlsrpt+gzip")


def row(host, domain, back=1):
    """The report's row; nothing also while reportd is just not there."""
    for line in host.tool("list", day(back), "--json", check=False).splitlines():
        found = json.loads(line)
        if found["domain"] == domain:
            return found
    return {}


def endpoint_down(world):
    wait_for(lambda: row(world.host, "down.test").get("state") == "retry", "a report to wait", 60)
    first = world.rua.posts[[p for p, _, _ in world.rua.posts].index("/down")][2]
    world.rua.refuse.pop("/down")
    world.host.tool("send", day(1), "down.test")
    wait_for(lambda: row(world.host, "down.test").get("state") == "accepted", "the report to be taken", 30)
    expect("the same octets", [b for p, _, b in world.rua.posts if p == "/down"][-1], first)


def second_address(world):
    """4xx ends an address for that report; the next of the record gets it."""
    report_mail(world, "second@second.test")
    expect("posts there", len(world.rua.reports("/refused")), 1)
    wait_for(lambda: row(world.host, "second.test").get("state") == "accepted", "the report to be accepted")


def bounce(world):
    host = world.host
    wait_for(lambda: "(bounced" in host.tool("send", day(1), "bounce.test", "--dry-run", check=False),
             "the bounce to come back", 60)
    other = host.tool("send", day(1), "mail.test", "--dry-run")
    if "(bounced" in other:
        raise Wrong("another address is suppressed, too", [other])


def secure(world):
    """Other mail waits for TLS, the reports did not."""
    report_mail(world, "r@mail.test")
    world.host.server.inject("other@mail.test")
    wait_for(lambda: world.host.server.has("to=<other@mail.test>"), "Postfix to try")
    world.sink.absent("other@mail.test")
    if not world.host.server.has("relay=mx.mail.test"):
        raise Failure("the report went another way")


def off(world):
    """As shipped nothing is sent, whatever was counted."""
    host = Host(world, "off")
    try:
        world.asks("off.test", "mailto:r@off.test")
        host.up(NAMED)
        datagrams.send(host.datagrams, [datagrams.session("off.test", ["mailto:r@off.test"], 203)])
        host.wait_metric('mxwarden_reportd_sessions_total{result="committed"}', 1)
        host.as_yesterday(TODAY, NAMED)
        wait_for(lambda: row(host, "off.test"), "the report to be built", 60)
        if "next" in row(host, "off.test"):
            raise Wrong("it waits to be sent", [str(row(host, "off.test"))])
        expect("fetcher", host.tool("fetcher", day(1)).split("\n")[0], "TLSRPT FETCHER v1devel-c domain list")
        counted = json.loads(host.tool("fetcher", day(1), "off.test"))
        expect("fetcher's counts", list(list(counted["policies"].values())[0].values())[0]["cntrfailure"], 1)
        world.sink.absent("r@off.test")
    finally:
        host.down()


def killed(world):
    """kill -9 again and again while reports are sent: each arrives, always the same."""
    host = Host(world, "kil")
    domains = [f"k{n}.test" for n in range(12)]
    try:
        host.up(NAMED)
        for domain in domains:
            world.asks(domain, f"mailto:r@{domain}")
        datagrams.send(host.datagrams, [datagrams.session(d, [f"mailto:r@{d}"]) for d in domains])
        host.wait_metric('mxwarden_reportd_sessions_total{result="committed"}', len(domains))
        host.as_yesterday(TODAY, host.sends())
        for pause in (0.3, 0.6, 0.9, 1.2):
            time.sleep(pause)  # moments of the run, not a wait for something
            host.kill("mxwarden-reportd.service")
            wait_for(lambda: row(host, domains[0]), "the restart", 30)
        # What was under way at a kill waits for its next try, in minutes: the operator does not.
        try:
            wait_for(lambda: all(row(host, d).get("state") in ("accepted", "retry") for d in domains),
                     "all to have been tried", 60)
        except Failure as e:
            raise Wrong(str(e), host.tool("list", day(1), check=False).split("\n") + host.last_words()) from e
        for domain in domains:
            if row(host, domain).get("state") == "retry":
                host.tool("send", day(1), domain)
        for domain in domains:
            world.sink.wait(f"r@{domain}", 90)
        for domain in domains:
            ids = {re.search(r"(?mi)^Message-ID:\s*(\S+)", t).group(1) for t in world.sink.found(f"r@{domain}")}
            expect(f"Message-IDs to {domain}", len(ids), 1)
        wait_for(lambda: all(row(host, d).get("state") == "accepted" for d in domains), "all to be accepted", 60)
    finally:
        host.down()


CASES = [Case("report/" + name, call, ("mxwarden-reportd", "mxwarden-policyd", "mxwarden")) for name, call in (
    ("killed", killed), ("off", off), ("partial", partial), ("probes", probes), ("mail", mail), ("signed", signed),
    ("https", https), ("endpoint-down", endpoint_down), ("second-address", second_address), ("bounce", bounce),
    ("secure", secure))]
