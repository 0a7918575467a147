"""DANE through the map: what it answers with each postfix_dane, and what Postfix makes of that."""
from case import Wrong, expect, log_lines, own_host
from procs import wait_for

NOTHING = "NOTFOUND "
# domain -> its answer with postfix_dane "none", "dane" and "dane-only"
ANSWERS = {
    "dane.example.org": (NOTHING, "OK dane", "OK dane-only"),
    "daneboth.example.org": (None, "OK dane", "OK dane-only"),
    "danewrong.example.org": (None, "OK dane", "OK dane-only"),
    "danelost.example.org": (NOTHING, "OK dane", "OK dane"),
    "danetwo.example.org": (NOTHING, "OK dane", "OK dane"),
    "daneless.example.org": (None, None, None),
    "nopolicy.test": (NOTHING, NOTHING, NOTHING),
    "good.test": (None, None, None),
}
LEVELS = ("none", "dane", "dane-only")


def level(name):
    """A case: the host's map with this level, a Postfix that asks for DNSSEC, and its mail."""
    def run(world):
        with own_host(world, "l" + name, units=False,
                      postfix={"smtp_dns_support_level": "dnssec",
                               # The root is not signed here.
                               "dnssec_probe": "ns:example.org"}) as host:
            host.write_settings(f'postfix_dane = "{name}"\n')
            host.start_units()
            for domain, answers in ANSWERS.items():
                wanted = answers[LEVELS.index(name)]
                if wanted is None:
                    wanted = f"OK secure match=mx.{domain} servername=hostname"
                wait_for(lambda d=domain, w=wanted: host.ask(d) == w,
                         f"'{wanted}' for {domain}, last: {host.ask(domain)}", 15)
            mail(host, dane=name != "none")
    return run


def mail(host, dane):
    # A domain without DANE is bound by its policy, one with neither by nothing.
    expect(host, host.send("good.test"), status="sent", tls="Verified")
    expect(host, host.send("daneless.example.org"), status="deferred", dsn="4.7.4")
    expect(host, host.send("nopolicy.test"), status="sent", tls="Trusted")
    expect(host, host.send("daneboth.example.org"), status="sent", tls="Verified")
    if not dane:
        # The certificate of the policy is right, whatever the record says.
        expect(host, host.send("danewrong.example.org"), status="sent", tls="Verified")
        expect(host, host.send("dane.example.org"), status="sent", tls="Trusted")
        expect(host, host.send("danelost.example.org"), status="sent", tls="clear")
        return
    expect(host, host.send("dane.example.org"), status="sent", tls="Verified")
    expect(host, host.send("danewrong.example.org"), status="deferred", dsn="4.7.5")
    # STARTTLS is stripped where the TLSA records cannot be had: never in clear.
    lost = host.send("danelost.example.org")
    expect(host, lost, status="deferred", dsn="4.7.5")
    two = host.send("danetwo.example.org")
    expect(host, two, status="sent", tls="Verified", relay="mx2.danetwo.example.org")
    for recipient in (lost, two):
        if any("mx.danelost" in line and "status=sent" in line or "relay=mx1.danetwo" in line
               for line in log_lines(host, recipient)):
            raise Wrong(f"{recipient} left in clear", log_lines(host, recipient))


none, dane, dane_only = (level(name) for name in LEVELS)
