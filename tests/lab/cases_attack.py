"""One attack each, with the same sender and receiver as the clean cases."""
from cases import Case
from cases_clean import IPV6

BOOKS = "bookkeeping@example.org"
TLS12_CERT = {"smtp_tls_protocols": "TLSv1.2", "smtp_tls_exclude_ciphers": "aNULL"}


def postfix(mode, rcpt=BOOKS):
    def go(lab):
        lab.postfix.configure()
        with lab.mitm(mode):
            lab.postfix.send(rcpt)
    return go


def exim(mode, rcpt=BOOKS):
    def go(lab):
        with lab.mitm(mode):
            lab.exim.send(rcpt)
    return go


def over_ipv6(lab):
    lab.postfix.configure(**IPV6)
    with lab.mitm("keyword-removed"):
        lab.postfix.send("bookkeeping@six.example.org")


def reset_postfix(lab):
    lab.postfix.configure()
    with lab.mitm("reset-clienthello"):
        lab.postfix.send(BOOKS)
        lab.postfix.wait_sent()


def cert_substituted(lab):
    lab.postfix.configure(**TLS12_CERT)
    with lab.terminate("fake"):
        lab.postfix.send(BOOKS)


def cert_substituted_tls13(lab):
    lab.postfix.configure()
    with lab.terminate("fake", "1.3", "1.3"):
        lab.postfix.send(BOOKS)


def tls_sender_leg_only(lab):
    lab.postfix.configure(**TLS12_CERT)
    with lab.mitm("plain-onward", "--cert", lab.pki.path("fake.chain")):
        lab.postfix.send(BOOKS)


def mx_spoofed(way):
    def go(lab):
        lab.postfix.configure()
        with lab.rogue_mx(way, "example.org"):
            lab.postfix.send(BOOKS)
    return go


def rst_inject(lab):
    with lab.slow_receiver(600), lab.injector("reset"):
        lab.exim.send(BOOKS)


def reply_race(lab):
    lab.postfix.configure()
    with lab.slow_receiver(300), lab.injector("reply"):
        lab.postfix.send(BOOKS)


# What each attack must leave in the packets of either side.
OFFER, CLEAR = b"250-STARTTLS", b"MAIL FROM:<correspondent@"
STRIPPED = {"has": {"s": [CLEAR], "r": [OFFER, CLEAR]}, "lacks": {"s": [b"STARTTLS"]}}


def shows(s=(), r=()):
    return {"has": {"s": list(s), "r": list(r)}}


STRIP_S, STRIP_R = "R02,R29", "R29"
SLOW = "a token bucket on the link to the receiver lets the forgery win the race"

CASES = [
    Case("keyword-removed", postfix("keyword-removed"), "sr", "A01", "line_removed",
         {"s": STRIP_S, "r": STRIP_R},
         **STRIPPED),
    Case("keyword-removed-testing", postfix("keyword-removed", "bookkeeping@example.net"), "sr",
         "A01", "line_removed", {"s": STRIP_S, "r": STRIP_R},
         notes="policy mode testing: at most medium",
         **STRIPPED),
    Case("keyword-removed-nopolicy", postfix("keyword-removed", "bookkeeping@open.test"), "sr",
         "A01", "line_removed", notes="no policy and no baseline: nothing can be judged",
         **STRIPPED),
    Case("keyword-removed-ipv6", over_ipv6, "sr", "A01", "line_removed",
         {"s": STRIP_S, "r": STRIP_R},
         **STRIPPED),
    Case("keyword-garbled", postfix("keyword-garbled"), "sr", "A02", "token_masked",
         {"s": "R02,R03,R29", "r": STRIP_R},
         **shows([b"250-XXXXXXXA", CLEAR], [OFFER, CLEAR])),
    Case("inject-454", postfix("inject-454"), "sr", "A04", "reply_injected",
         {"s": "R06,R29", "r": STRIP_R},
         **shows([OFFER, b"454 4.7.0", CLEAR], [OFFER, CLEAR])),
    Case("inject-5xx", postfix("inject-5xx"), "sr", "A05", "reply_injected",
         {"s": "R07,R29", "r": STRIP_R},
         **shows([OFFER, b"502 5.5.1", CLEAR], [OFFER, CLEAR])),
    Case("ehlo-refused", postfix("ehlo-refused"), "sr", "A03", "reply_injected",
         {"s": "R02,R04,R29", "r": STRIP_R},
         notes="banner masked behind the host name, 502 to EHLO",
         **shows([b"502 5.5.1", b"HELO", CLEAR], [b"HELO", CLEAR])),
    Case("banner-masked", postfix("banner-masked"), "sr", "A03", "token_masked",
         {"s": "R02,R04,R29", "r": STRIP_R},
         notes="banner of asterisks only: Postfix says HELO without trying EHLO",
         **shows([b"220 ****", b"HELO", CLEAR], [b" ESMTP ", b"HELO", CLEAR])),
    Case("command-overwritten", postfix("command-overwritten"), "sr", "A06", "command_overwritten",
         {"s": "R07,R29", "r": "R08,R29"},
         **shows([b"STARTTLS\r\n", CLEAR], [b"XXXXXXXX\r\n", CLEAR])),
    Case("reset-clienthello-exim", exim("reset-clienthello"), "sr", "A07,A09", "reset_injected",
         {"s": "R12,R29", "r": "R12,R29"}, sender="Exim",
         notes="reset to both ends after the ClientHello; retry in clear at once",
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("reset-clienthello-postfix", reset_postfix, "sr", "A07,A09", "reset_injected",
         {"s": "R12,R29", "r": "R12,R29"},
         notes="back-off shortened to 5 s (default 300 s) so that the retry in clear comes soon",
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("rst-inject", rst_inject, "sr", "A07,A09", "reset_injected",
         {"s": "R10,R12,R29", "r": "R12,R29"}, sender="Exim",
         notes="forged reset with TTL 39 from beside the path, server data after it; r sees only "
               "the client's own reset; " + SLOW,
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("inject-454-race", reply_race, "sr", "A04", "reply_injected",
         {"s": "R09,R24", "r": "R11"},
         notes="forged 454 with TTL 39 from beside the path, as long as the true 220 that follows; "
               + SLOW,
         **shows([b"454 4.7.0", b"220 2.0.0", CLEAR], [b"220 2.0.0", CLEAR])),
    Case("no-tls-after-220", postfix("no-tls-after-220"), "sr", "A08", "reply_injected",
         {"s": "R11"},
         notes="the proxy says 220 itself; the server reads the ClientHello as commands",
         **shows([b"220 2.0.0", b"221 2.7.0"], [b"221 2.7.0"])),
    Case("command-injection", postfix("command-injection"), "sr", "C01", "bytes_injected",
         {"r": "R24"},
         **shows([b"220 2.0.0"], [b"STARTTLS\r\nRSET\r\n"])),
    Case("response-injection", postfix("response-injection"), "sr", "C02", "bytes_injected",
         {"s": "R24"},
         **shows([b"start TLS\r\n250-"], [b"220 2.0.0"])),
    Case("cert-substituted", cert_substituted, "sr", "B03", "certificate_substituted",
         {"s": "R16"}, notes="TLS 1.2 on both legs, self-signed certificate with the right name"),
    Case("cert-substituted-tls13", cert_substituted_tls13, "sr", "B03", "certificate_substituted",
         notes="TLS 1.3 hides the certificate: only two taps prove it"),
    Case("tls-sender-leg-only", tls_sender_leg_only, "sr", "A11", "tls_terminated",
         {"s": "R16", "r": STRIP_R}, notes="TLS ends at the proxy, onward in clear",
         **shows([b"220 2.0.0"], [CLEAR])),
    Case("mx-spoofed", mx_spoofed("replace"), "sr", "D01", "tls_terminated", {"s": "R18"},
         notes="the only MX answer names mx.attacker.test; r sees the rogue MX relay onward",
         **shows([b"\x02mx\x08attacker", b"220 2.0.0"])),
    Case("mx-spoofed-race", mx_spoofed("race"), "sr", "D01", "tls_terminated", {"s": "R18,R19"},
         notes="two different answers to one MX query, the forged one first",
         **shows([b"\x02mx\x08attacker", b"\x03mx1", b"220 2.0.0"])),
]
