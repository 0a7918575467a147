"""All ways by which mail comes, with the milter as shipped."""
import json
import re
import time

from case import last_event, own_host, shared
from cases_defer import NEEDS, VERDICTS
from hosts import taken
from mta import PASSWORD, USER
from procs import run, wait_for
from promise import Case, Wrong
from smtp import OUTSIDE, Smtp, tls_context
from world import RELAY, RELAY6, STRANGER

TLS13 = "x-tls=pass smtp.version=TLSv1.3 smtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256"


def submission(world):
    """587 and 465, by the documented lines of master.cf: role submission."""
    with shared(world, "plain", "postfix") as host:
        for port, implicit in ((587, None), (465, tls_context())):
            domain, _ = world.domain()
            with host.client(port, source=STRANGER, implicit=implicit) as s:
                s.ehlo()
                if not implicit:
                    s.starttls()
                s.login(USER, PASSWORD)
                for reply in s.mail("archivist@example.org", f"a@{domain}"):
                    taken(f"port {port}", reply)
            world.sink.wait(f"a@{domain}")
            last_event(host, "decision", role="submission", domain=domain, listener="ORIGINATING")
            last_event(host, "decision", role="submission", domain=domain,
                       tls={"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "bits": "256"})


def inbound_tls(world):
    """The header says what the hop was: in clear, TLS without and with a certificate."""
    chains = {"nobody": None, "trusted": world.pki.path("client.chain"),
              "unknown": world.pki.path("unknown.chain")}
    with shared(world, "plain", "postfix") as postfix, shared(world, "plain", "sendmail") as sendmail:
        for host in (postfix, sendmail):
            for mark, chain in chains.items():
                with host.client(source=STRANGER) as s:
                    s.ehlo()
                    s.starttls(tls_context(chain))
                    for reply in s.mail("a@example.net", "box@example.org", headers=[f"Subject: {mark}"]):
                        taken(mark, reply)
                text = re.sub(r"\r?\n[ \t]+", " ", host.arrived(f"Subject: {mark}"))
                if TLS13 not in text or "x-mta-sts" in text:
                    raise Wrong(f"{host.mta}, {mark}: no '{TLS13}'", text.split("\n")[:8])


def session_verdict(world):
    """A verdict about this very connection: x-mta-sts=fail with its rule, in both mail servers, and `explain` by
    the queue id knows it; a verdict about another connection says nothing."""
    with shared(world, "plain", "postfix") as postfix, shared(world, "plain", "sendmail") as sendmail:
        for host in (postfix, sendmail):
            for mark, shift, said in (("this", 0, True), ("other", 1, False)):
                with host.client(source=STRANGER) as s:
                    s.ehlo()
                    world.knowledge.session_verdict((STRANGER, s.port + shift), (host.address, 25))
                    # Later than the five seconds by which the beginnings may differ (semantics 12): the
                    # milter must have known the connection's when it began.
                    time.sleep(6 if said else 1)
                    for reply in s.mail("a@example.net", "box@example.org", headers=[f"Subject: {mark}"]):
                        taken(mark, reply)
                text = re.sub(r"\r?\n[ \t]+", " ", host.arrived(f"Subject: {mark}"))
                if ('x-mta-sts=fail reason="R13"' in text) != said:
                    raise Wrong(f"{host.mta}, {mark}", text.split("\n")[:8])
                found = explained(host, re.search(r"\bid ([0-9A-Za-z]+)", text)[1])
                if (found["reason"], found.get("rule")) != (("session-verdict", "R13") if said else ("inbound", None)):
                    raise Wrong(f"{host.mta}, {mark}: {found}")


def explained(host, queue_id):
    """What `mxwarden explain` says of the only decision for this mail, once it is kept."""
    def found():
        return host.tool("explain", queue_id, "--json", check=False)
    wait_for(found, f"explain {queue_id}", 10)
    (line,) = found().splitlines()
    return json.loads(line)


def ipv6(world):
    with shared(world, "plain", "postfix") as host:
        domain, _ = world.domain()
        with Smtp(host.six, source=RELAY6) as s:
            s.ehlo()
            for reply in s.mail("a@example.com", f"a@{domain}"):
                taken("ipv6", reply)
        world.sink.wait(f"a@{domain}")
        last_event(host, "decision", role="relay", domain=domain)


def local(world):
    with shared(world, "plain", "postfix") as host:
        domain, _ = world.domain()
        host.server.inject(f"a@{domain}")
        text = world.sink.wait(f"a@{domain}")
        if "Authentication-Results" in text:
            raise Wrong("a header on the host's own mail")
        last_event(host, "decision", role="local", domain=domain, reason="local-mail")


def reinjected(world):
    """Behind a content filter mail is seen once, before it."""
    services = ("127.0.0.1:10026 inet n - y - - smtpd\n  -o content_filter=\n  -o smtpd_milters=\n"
                "{address}:26 inet n - y - - smtpd\n  -o content_filter=smtp:[127.0.0.1]:10026\n")
    with own_host(world, "again", services=services) as host:
        domain, _ = world.domain()
        with host.client(26) as s:
            s.ehlo()
            for reply in s.mail("a@example.com", f"a@{domain}"):
                taken("first", reply)
        world.sink.wait(f"a@{domain}")
        time.sleep(0.5)
        if len(host.decisions(domain)) != 1:
            raise Wrong(f"{host.decisions(domain)}")


def kinds(world):
    """Null sender, 8BITMIME, SMTPUTF8 with a domain in letters, quoted and tagged local parts, REQUIRETLS refused by
    this Postfix, `TLS-Required: No`."""
    with shared(world, "plain", "postfix") as host:
        domain, _ = world.domain()
        rows = [("", f"null@{domain}", "", f"null@{domain}"),
                ("a@example.com", f"eight@{domain}", " BODY=8BITMIME", f"eight@{domain}"),
                ("a@example.com", f"pelé@{domain}", " SMTPUTF8", f"pelé@{domain}"),
                ("a@example.com", "a@bücher.test", " SMTPUTF8", "a@bücher.test"),
                ("a@example.com", f'"quoted user"@{domain}', "", f'"quoted user"@{domain}'),
                ("a@example.com", f"plus+tag@{domain.upper()}", "", f"plus+tag@{domain.upper()}")]
        for sender, recipient, options, arrives in rows:
            with host.client() as s:
                s.ehlo()
                for reply in s.mail(sender, recipient, options=options,
                                    headers=["Subject: kind", "TLS-Required: No"]):
                    taken(recipient, reply)
            world.sink.wait(arrives)
        last_event(host, "decision", domain="xn--bcher-kva.test")
        last_event(host, "message", tls_required_no=True)
        found = host.decisions(domain, 5)
        if {e["role"] for e in found} != {"relay"}:
            raise Wrong(f"{found}")


def long_headers(world):
    """A header of 90,000 octets, of which Postfix keeps 60,000, one of 14 KiB in Sendmail, and a thousand forged
    lines: delivered, only forged ones gone."""
    forged = "Authentication-Results: {own}; x-tls=pass"
    own = {"postfix": "mx1.example.org", "sendmail": "mx2.example.org"}
    with shared(world, "plain", "postfix") as postfix, shared(world, "plain", "sendmail") as sendmail:
        for host in (postfix, sendmail):
            mine = forged.format(own=own[host.mta])
            # Sendmail takes 32 KiB of headers in all (MaxHeadersLength), Postfix 100 KiB.
            lines, count = (1233, 1000) if host.mta == "postfix" else (200, 200)
            long = "X-Long: " + "\r\n ".join(["y" * 70] * lines)
            headers = ["Subject: long", long, *[mine] * count, "X-Last: 1"]
            with host.client(source=STRANGER) as s:
                s.ehlo()
                for reply in s.mail("a@example.net", "box@example.org", headers=headers):
                    taken(host.mta, reply)
            text = host.arrived("Subject: long").replace("\r\n", "\n")
            if long.replace("\r\n", "\n")[:59_000] not in text or "X-Last: 1" not in text:
                raise Wrong(f"{host.mta}: a header was changed")
            if (left := text.count("x-tls=pass")) != 0:
                raise Wrong(f"{host.mta}: {left} forged lines are left")


def no_headers(world):
    """A message without one header: judged and answered as any other, not after a time-out. libmilter passes over an
    end of message that follows DATA at once, unless the end of the headers is asked for."""
    with shared(world, "plain", "postfix") as postfix, shared(world, "plain", "sendmail") as sendmail:
        for host in (postfix, sendmail):
            with host.client(source=STRANGER) as s:
                s.ehlo()
                begun = time.monotonic()
                for reply in s.mail("a@example.net", "box@example.org", headers=[]):
                    taken(host.mta, reply)
                if (seconds := time.monotonic() - begun) > 5:
                    raise Wrong(f"{host.mta}: {seconds:.0f} s")


def swaks(world):
    """A common test client, over TLS with a certificate, through submission and relay."""
    with shared(world, "plain", "postfix") as host:
        domain, _ = world.domain()
        common = ["swaks", "--server", host.address, "--from", "a@example.org", "--tls",
                  "--tls-cert", world.pki.path("client.pem"), "--tls-key", world.pki.path("client.key")]
        run(*common, "--to", f"relay@{domain}", "--local-interface", RELAY, ns=OUTSIDE)
        run(*common, "--to", f"user@{domain}", "--port", "587", "--auth", "PLAIN", "--auth-user", USER,
            "--auth-password", PASSWORD, "--local-interface", STRANGER, ns=OUTSIDE)
        for name in ("relay", "user"):
            world.sink.wait(f"{name}@{domain}")


def many(world):
    """300 mails over 20 sessions by Postfix's smtp-source: each arrives once."""
    with shared(world, "plain", "postfix") as host:
        domain, _ = world.domain()
        run("smtp-source", "-s", "20", "-m", "300", "-N", "-f", "a@example.com", "-t", f"m@{domain}",
            f"{host.address}:25", ns=OUTSIDE)
        wait_for(lambda: arrived(world, domain) == 300, "300 mails", 30)


def arrived(world, domain):
    return sum(r.endswith("@" + domain) for recipients, _, _ in list(world.sink.mails) for r in recipients)


CASES = [Case("mail/" + name, run_it, NEEDS) for name, run_it in (
    ("submission", submission), ("inbound-tls", inbound_tls),
    ("ipv6", ipv6), ("local", local), ("reinjected", reinjected), ("kinds", kinds),
    ("long-headers", long_headers), ("no-headers", no_headers), ("swaks", swaks), ("many", many))] + [
    Case("mail/session-verdict", session_verdict, (*VERDICTS, "mxwarden"))]
