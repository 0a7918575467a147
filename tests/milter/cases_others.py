"""Beside milters of others, and without a mail server."""
import os
import re

import dkim
from case import last_event, own_host, shared
from cases_defer import BOTH, NEEDS
from hosts import taken
from procs import run, wait_for
from promise import Case, Wrong
from rawclient import RawClient, packet, session
from world import RESOLVER, STRANGER

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"postfix": "mx1.example.org", "sendmail": "mx2.example.org"}
DKIM = """Mode v
Socket local:{socket}
UMask 000
AuthservID {own}
AlwaysAddARHeader yes
Nameservers {resolver}
PidFile {folder}/dkim.pid
Syslog no
"""
DMARC = """Socket local:{socket}
UMask 000
AuthservID {own}
TrustedAuthservIDs {own}
RejectFailures false
SPFIgnoreResults true
PidFile {folder}/dmarc.pid
Syslog false
"""
BODY = "One line.\r\n"


def start_others(world, host):
    """OpenDKIM and OpenDMARC in the host's namespace; their sockets."""
    # Where the documented lines look: below the queue, as Debian's packages do for a chroot.
    top = host.server.dir + ("/queue" if host.mta == "postfix" else "/others")
    sockets = []
    for name, settings, option in (("opendkim", DKIM, "-x"), ("opendmarc", DMARC, "-c")):
        os.makedirs(f"{top}/{name}", exist_ok=True)
        path = f"{top}/{name}/{name}.sock"
        with open(f"{host.dir}/{name}.conf", "w") as f:
            f.write(settings.format(socket=path, own=NAMES[host.mta], resolver=RESOLVER, folder=host.dir))
        world.background.start(f"{name}-{host.name}", name, "-f", option, f"{host.dir}/{name}.conf", ns=host.ns)
        sockets.append(path)
    for path in sockets:
        wait_for(lambda: os.path.exists(path), path, 10)
    return sockets


def lines_mc(host):
    """Sendmail's filters in their order."""
    top = host.server.dir + "/others"
    return "".join(f"MAIL_FILTER(`{name}', `S=local:{top}/{name}/{name}.sock')dnl\n" for name in
                   ("opendkim", "opendmarc")) + "define(`confINPUT_MAIL_FILTERS', `opendkim, mxwarden, opendmarc')dnl\n"


def between(mta):
    """Behind OpenDKIM and before OpenDMARC: a signature that was good is good, its result whole, and OpenDMARC
    reads it."""
    def check(world):
        how = {"milters": "main.cf milters"} if mta == "postfix" else {"more": lines_mc}
        with own_host(world, "others-" + mta[0], mta, **how) as host:
            start_others(world, host)
            # Not below `test`: the resolver in OpenDKIM knows that nothing is there.
            key = host.dir + "/dkim.key"
            world.names.txt["s1._domainkey.sender.example.net"] = dkim.make_key(key)
            world.names.txt["_dmarc.sender.example.net"] = "v=DMARC1; p=none"
            headers = ["From: a@sender.example.net", "Subject: others", "Date: Thu, 1 Jan 2026 00:00:00 +0000",
                       "Message-ID: <others@sender.example.net>"]
            forged = f"Authentication-Results: {NAMES[mta]}; x-tls=pass; x-mta-sts=pass"
            signed = dkim.signature(key, "sender.example.net", "s1", headers, BODY)
            with host.client(source=STRANGER) as s:
                s.ehlo()
                for reply in s.mail("a@sender.example.net", "box@example.org", headers=[forged, signed, *headers]):
                    taken(mta, reply)
            text = host.arrived("Subject: others").replace("\r\n", "\n")
            found = [re.sub(r"\n[ \t]+", " ", line) for line in re.split(r"\n(?![ \t])", text)
                     if line.startswith("Authentication-Results:")]
            wanted = (r"x-tls=none$", r"dkim=pass \(1024-bit key.*header\.d=sender\.example\.net",
                      r"dmarc=pass .*header\.from=sender\.example\.net")
            for pattern in wanted:
                if sum(bool(re.search(pattern, line)) for line in found) != 1:
                    raise Wrong(f"{mta}: not once: {pattern}", found)
            if len(found) != 3:
                raise Wrong(f"{mta}: {len(found)} headers", found)
    return check


def miltertest(world):
    """OpenDKIM's miltertest with a script of ours."""
    with shared(world, "plain", "postfix") as host:
        run("miltertest", "-D", "socket=local:" + host.socket, "-s", HERE + "/default.lua")
        last_event(host, "decision", queue_id="4ABC", requiretls=True)


def raw(world):
    """The milter's own side: who connects and goes at every packet, in the middle of one, or sends rubbish; the milter
    stays, forgets them and goes on working."""
    with own_host(world, "raw") as host:
        domain, _ = world.domain()
        pid, packets = host.pid, session(f"a@{domain}")
        for stage in range(len(packets) + 1):
            for part in (b"", packet(b"R", b"<half@example.com>\0")[:7]):
                client = RawClient(host.socket)
                client.negotiate()
                client.send(b"".join(packets[:stage]) + part)
                client.close()
        for rubbish in (b"", b"\0\0\0\0", b"\xff" * 64, packet(b"O", b"\0"), packet(b"Z", b"x"), packet(b"E"),
                        packet(b"R", b""), packet(b"D", b"R{rcpt_addr}"), packet(b"L", b"no end"), b"GET / HTTP/1.0\r\n\r\n"):
            client = RawClient(host.socket)
            client.send(rubbish)
            client.close()
            client = RawClient(host.socket)
            client.negotiate()
            client.send(packets[0] + rubbish)
            client.close()
        host.flows(f"still@{domain}")
        if host.pid != pid:
            raise Wrong("the milter ended", host.last_words())
        wait_for(lambda: host.connections() == 0, "no connection to be open", 15)


CASES = [*(Case(f"others/{mta}", between(mta), NEEDS) for mta in BOTH),
         Case("others/miltertest", miltertest, NEEDS), Case("others/raw", raw, NEEDS)]
