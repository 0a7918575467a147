"""What becomes of mail: enforcing, observing, without a map; Postfix and Sendmail."""
import dataclasses

from case import Case, Wrong, expect, log_lines, own_host
from domains import BY_NAME, DOMAINS
from procs import wait_for

HELD, SENT = "deferred", "sent"
# domain -> what Postfix and Sendmail do when the map enforces: (status, code, TLS)
ENFORCED = {
    "good.test": ((SENT, "2.0.0", "Verified"), (SENT, "2.0.0", "Verified")),
    "wild.test": ((SENT, "2.0.0", "Verified"), (SENT, "2.0.0", "Verified")),
    "two.test": ((SENT, "2.0.0", "Verified"), (SENT, "2.0.0", "Verified")),
    "example.org": ((SENT, "2.0.0", "Verified"), (SENT, "2.0.0", "Verified")),
    "example.net": ((SENT, "2.0.0", "Verified"), (SENT, "2.0.0", "Verified")),
    "stripped.test": ((HELD, "4.7.4", "clear"), (HELD, "403 4.7.0", "clear")),
    "dropped.test": ((HELD, "4.7.4", "clear"), (HELD, "403 4.7.0", "clear")),
    "refused.test": ((HELD, "4.7.0", "clear"), (HELD, "403 4.7.0", "clear")),
    "cut.test": ((HELD, "4.7.5", "clear"), (HELD, "403 4.7.0", "clear")),
    "intercepted.test": ((HELD, "4.7.5", "Untrusted"), (HELD, "403 4.7.0", "Untrusted")),
    "wrongcert.test": ((HELD, "4.7.5", "Untrusted"), (HELD, "450 4.7.0", "Verified")),
    "expiredcert.test": ((HELD, "4.7.5", "Untrusted"), (HELD, "403 4.7.0", "Untrusted")),
    "unlisted.test": ((HELD, "4.7.5", "Untrusted"), (HELD, "450 4.7.0", "Verified")),
    "plain.test": ((SENT, "2.0.0", "clear"), (SENT, "2.0.0", "clear")),
    "testing.test": ((SENT, "2.0.0", "clear"), (SENT, "2.0.0", "clear")),
    "modenone.test": ((SENT, "2.0.0", "clear"), (SENT, "2.0.0", "clear")),
}
# Everybody else: TLS as it happens to be, which a right certificate makes trusted.
OPPORTUNISTIC = ((SENT, "2.0.0", "Trusted"), (SENT, "2.0.0", "Verified"))


def triple(outcome):
    return outcome.status, outcome.dsn, outcome.tls


def postfix_enforced(name):
    def run(world):
        host = world.hosts["enforce"]
        host.warm(BY_NAME[name])
        recipient = host.send(name)
        status, dsn, tls = ENFORCED.get(name, OPPORTUNISTIC)[0]
        expect(host, recipient, status=status, dsn=dsn, tls=tls)
        if status == SENT:
            wait_for(lambda: world.mail.received(recipient), f"{recipient} at the mail server", 10)
    return run


def sendmail_enforced(name):
    def run(world):
        host = world.hosts["enforce"]
        host.warm(BY_NAME[name])
        outcome = host.deliver_sendmail(name)
        wanted = ENFORCED.get(name, OPPORTUNISTIC)[1]
        if triple(outcome) != wanted:
            raise Wrong(f"{name}: {outcome}, not {' '.join(wanted)}", outcome.text.split("\n"))
    return run


def postfix_observed(world):
    """Every domain, under the same attacks, exactly as a Postfix that knows no map."""
    with_map, without = world.hosts["observe"], world.hosts["none"]
    sent = [(d.name, with_map.send(d.name), without.send(d.name)) for d in DOMAINS]
    for name, observed, bare in sent:
        seen, wanted = with_map.outcome(observed), without.outcome(bare)
        if seen != wanted:
            raise Wrong(f"{name}: {seen}; without map {wanted}", log_lines(with_map, observed))


def sendmail_observed(world):
    """As above; but FEATURE(sts) by itself says 403 where Sendmail says 454 to a cut handshake."""
    with_map, without = world.hosts["observe"], world.hosts["none"]
    for domain in DOMAINS:
        seen, wanted = (h.deliver_sendmail(domain.name) for h in (with_map, without))
        held = [dataclasses.replace(o, dsn=o.dsn[-5:]) for o in (seen, wanted)]
        if held[0] != held[1] or seen.status == "unknown":
            raise Wrong(f"{domain.name}: {seen}; without map {wanted}", seen.text.split("\n"))


def attack_begins(world):
    """An attack that starts between two messages holds the second, and its end lets a third go."""
    with own_host(world, "begins") as host:
        server = "mx.example.net"
        host.warm(BY_NAME["example.net"])
        try:
            expect(host, host.send("example.net"), status=SENT, tls="Verified")
            world.attack(server, "keyword-removed")
            expect(host, host.send("example.net"), status=HELD, dsn="4.7.4")
        finally:
            world.attack(server, None)
        expect(host, host.send("example.net"), status=SENT, tls="Verified")


def map_absent(world):
    """The documented ends of a map that nobody holds a socket for."""
    with own_host(world, "absent", units=False, with_sendmail=True) as host:
        expect(host, host.send("nopolicy.test"), status=HELD, dsn="4.7.5")
        enforce = host.deliver_sendmail("nopolicy.test")
        host.sendmail.configure("ca", "observe")
        observe = host.deliver_sendmail("nopolicy.test")
    if enforce.status != HELD or enforce.dsn != "450 4.7.0":
        raise Wrong(f"Sendmail with -T<TMPF>: {enforce}", enforce.text.split("\n"))
    if observe.status != SENT:
        raise Wrong(f"Sendmail with -t: {observe}", observe.text.split("\n"))


def cases():
    for domain in DOMAINS:
        yield Case("postfix/" + domain.name, postfix_enforced(domain.name))
        yield Case("sendmail/" + domain.name, sendmail_enforced(domain.name))
    yield Case("postfix/attack-begins", attack_begins)
    yield Case("observe/postfix", postfix_observed)
    yield Case("observe/sendmail", sendmail_observed)
    yield Case("map-absent", map_absent)
