"""One attack each, with the same sender and receiver as the clean cases."""
import net
import overlap
from cases import Case
from cases_clean import IPV6
from modes import OFFERS_13, OFFERS_GREASE

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


def duplicate_reply(lab):
    # A sender that insists on TLS says goodbye after the refusal and takes the 220 for the answer.
    # If it did not wait for that, the unread 220 would now and then turn its FIN into a reset.
    lab.postfix.configure(smtp_tls_security_level="encrypt", relayhost="[mx1.example.org]",
                          smtp_skip_quit_response="no")
    with lab.mitm("duplicate-reply"):
        lab.postfix.send(BOOKS)


def version_stripped(lab):
    lab.postfix.configure()
    with lab.mitm("version-stripped"):
        lab.postfix.send("bookkeeping@open.test")


def in_clear(lab):
    lab.postfix.configure(smtp_tls_security_level="none")
    lab.postfix.send("bookkeeping@open.test")


def script(way, mx):
    return lambda lab: lab.client(way, net.MX[mx])


# What each attack must leave in the packets of either side.
OFFER, CLEAR = b"250-STARTTLS", b"MAIL FROM:<correspondent@"
SMUGGLED = b"\n.\r\nMAIL FROM:<treasurer@"
# RFC 8446 4.1.3: the end of ServerHello.random of a server that knows 1.3 and chooses 1.2.
SENTINEL = b"DOWNGRD\x01"
STRIPPED = {"has": {"s": [CLEAR], "r": [OFFER, CLEAR]}, "lacks": {"s": [b"STARTTLS"]}}


def shows(s=(), r=()):
    return {"has": {"s": list(s), "r": list(r)}}


# A tap at the receiver calls its sessions inbound, and there the rules about our own sending
# (R02, R11, R12, R29) say nothing. A reset at the start of TLS is R10, bare ones as info.
STRIP_S, RESET_S, RESET_R = "R02,R29", "R10,R12,R29", "R10"
SLOW = "a token bucket on the link to the receiver lets the forgery win the race"

CASES = [
    Case("keyword-removed", postfix("keyword-removed"), "sr", "A01", "line_removed",
         {"s": STRIP_S}, **STRIPPED),
    Case("keyword-removed-testing", postfix("keyword-removed", "bookkeeping@example.net"), "sr",
         "A01", "line_removed", {"s": STRIP_S},
         notes="policy mode testing: at most medium",
         **STRIPPED),
    Case("keyword-removed-nopolicy", postfix("keyword-removed", "bookkeeping@open.test"), "sr",
         "A01", "line_removed", notes="no policy and no baseline: nothing can be judged",
         **STRIPPED),
    Case("keyword-removed-ipv6", over_ipv6, "sr", "A01", "line_removed",
         {"s": STRIP_S}, **STRIPPED),
    Case("keyword-garbled", postfix("keyword-garbled"), "sr", "A02", "token_masked",
         {"s": "R02,R03,R29"},
         **shows([b"250-XXXXXXXA", CLEAR], [OFFER, CLEAR])),
    Case("inject-454", postfix("inject-454"), "sr", "A04", "reply_injected",
         {"s": "R06,R29"},
         **shows([OFFER, b"454 4.7.0", CLEAR], [OFFER, CLEAR])),
    Case("inject-5xx", postfix("inject-5xx"), "sr", "A05", "reply_injected",
         {"s": "R07,R29"},
         **shows([OFFER, b"502 5.5.1", CLEAR], [OFFER, CLEAR])),
    Case("ehlo-refused", postfix("ehlo-refused"), "sr", "A03", "reply_injected",
         {"s": "R02,R04,R29"},
         notes="banner masked behind the host name, 502 to EHLO",
         **shows([b"502 5.5.1", b"HELO", CLEAR], [b"HELO", CLEAR])),
    Case("banner-masked", postfix("banner-masked"), "sr", "A03", "token_masked",
         {"s": "R02,R04,R29"},
         notes="banner of asterisks only: Postfix says HELO without trying EHLO",
         **shows([b"220 ****", b"HELO", CLEAR], [b" ESMTP ", b"HELO", CLEAR])),
    Case("command-overwritten", postfix("command-overwritten"), "sr", "A06", "command_overwritten",
         {"s": "R07,R29", "r": "R08"},
         **shows([b"STARTTLS\r\n", CLEAR], [b"XXXXXXXX\r\n", CLEAR])),
    Case("reset-clienthello-exim", exim("reset-clienthello"), "sr", "A07,A09", "reset_injected",
         {"s": RESET_S, "r": RESET_R}, sender="Exim",
         notes="reset to both ends after the ClientHello; retry in clear at once",
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("reset-clienthello-postfix", reset_postfix, "sr", "A07,A09", "reset_injected",
         {"s": RESET_S, "r": RESET_R},
         notes="back-off shortened to 5 s (default 300 s) so that the retry in clear comes soon",
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("rst-inject", rst_inject, "sr", "A07,A09", "reset_injected",
         {"s": RESET_S, "r": RESET_R}, sender="Exim",
         notes="forged reset with TTL 39 from beside the path, server data after it; r sees only "
               "the client's own reset; " + SLOW,
         **shows([b"STARTTLS\r\n", CLEAR], [b"STARTTLS\r\n", CLEAR])),
    Case("inject-454-race", reply_race, "sr", "A04", "reply_injected",
         {"s": "R24"},
         notes="forged 454 with TTL 39 from beside the path, as long as the true 220 that follows, "
               "so that two contents stand at one place; "
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
    Case("duplicate-reply", duplicate_reply, "sr", "A04", "reply_injected", {"s": "R09"},
         notes="the proxy says 454, then passes the server's 220 on as well, both before the "
               "client's next word",
         **shows([b"454 4.7.0", b"220 2.0.0", b"QUIT\r\n"], [b"220 2.0.0", b"QUIT\r\n"])),
    Case("overlap-conflict", in_clear, "sr", "A01", "bytes_injected", {"s": "R24"},
         forge={"s": overlap.insert},
         notes="built offline on side s: a copy of the reply to EHLO without STARTTLS, TTL 39, put "
               "before the true one into a real session; side r is that session as it was",
         has={"s": [overlap.INSTEAD, OFFER, CLEAR], "r": [OFFER, CLEAR]},
         lacks={"r": [overlap.INSTEAD]}),
    Case("downgrade-sentinel", version_stripped, "sr", "B01", "version_removed",
         {"s": "R11,R15"},
         notes="TLS 1.3 struck from the ClientHello in flight; the client sees the sentinel and "
               "ends the handshake with illegal_parameter",
         has={"s": [OFFERS_13, SENTINEL], "r": [OFFERS_GREASE, SENTINEL]},
         lacks={"r": [OFFERS_13]}),
    Case("smuggled-message", script("smuggle", "open"), "sr", "C05", "none",
         {"s": "R25", "r": "R25"}, sender="script",
         notes="LF . CRLF and a second envelope inside the message; the receiver takes the bait "
               "and queues two messages; nobody on the path, no TLS, no policy",
         **shows([SMUGGLED], [SMUGGLED])),
    Case("http-on-mail-port", script("http-post", "mx1"), "sr", "C06", "none",
         {"s": "R25", "r": "R25"}, sender="script",
         notes="an HTTP POST to port 25; on side r the role is inbound, so it is only info",
         **shows([b"POST /contact"], [b"POST /contact"])),
    Case("cert-substituted", cert_substituted, "sr", "B03", "certificate_substituted",
         {"s": "R16"}, notes="TLS 1.2 on both legs, self-signed certificate with the right name"),
    Case("cert-substituted-tls13", cert_substituted_tls13, "sr", "B03", "certificate_substituted",
         notes="TLS 1.3 hides the certificate: only two taps prove it"),
    Case("tls-sender-leg-only", tls_sender_leg_only, "sr", "A11", "tls_terminated",
         {"s": "R16"}, notes="TLS ends at the proxy, onward in clear",
         **shows([b"220 2.0.0"], [CLEAR])),
    Case("mx-spoofed", mx_spoofed("replace"), "sr", "D01", "tls_terminated", {"s": "R18"},
         notes="the only MX answer names mx.attacker.test; r sees the rogue MX relay onward",
         **shows([b"\x02mx\x08attacker", b"220 2.0.0"])),
    Case("mx-spoofed-race", mx_spoofed("race"), "sr", "D01", "tls_terminated", {"s": "R18,R19"},
         notes="two different answers to one MX query, the forged one first",
         **shows([b"\x02mx\x08attacker", b"\x03mx1", b"220 2.0.0"])),
]
