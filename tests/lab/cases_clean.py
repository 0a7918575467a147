"""Ordinary mail: what must stay silent, or be named as the weakness it is."""
import time

import net
from cases import Case

BOOKS = "bookkeeping@example.org"
TLS12_CERT = {"smtp_tls_protocols": "TLSv1.2", "smtp_tls_exclude_ciphers": "aNULL"}

IPV6 = {"inet_protocols": "ipv6", "smtp_bind_address": "", "smtp_bind_address6": net.SENDER6}


def tls13(lab):
    lab.postfix.configure()
    lab.postfix.send(BOOKS)


def tls12_cert(lab):
    lab.postfix.configure(**TLS12_CERT)
    lab.postfix.send(BOOKS)


def tls12_rsa(lab):
    lab.postfix.configure(smtp_tls_protocols="TLSv1.2", smtp_tls_exclude_ciphers="aNULL, aECDSA")
    lab.postfix.send(BOOKS)


def tls12_anon(lab):
    lab.postfix.configure(smtp_tls_protocols="TLSv1.2")
    lab.postfix.send(BOOKS)


def ipv6(lab):
    lab.postfix.configure(**IPV6)
    lab.postfix.send("bookkeeping@six.example.org")


def no_tls(lab):
    lab.postfix.configure()
    lab.postfix.send("bookkeeping@plain.test")


def dane(lab):
    with lab.dane():
        lab.postfix.configure(smtp_tls_security_level="dane", smtp_dns_support_level="dnssec")
        lab.postfix.send("bookkeeping@dane.example.org")


def implicit_tls(lab):
    lab.postfix.configure(relayhost="[mx1.example.org]:465", smtp_tls_wrappermode="yes",
                          smtp_tls_security_level="encrypt")
    lab.postfix.send(BOOKS)


def two_rcpt_domains(lab):
    # Both domains have the same MX list, so Exim puts them into one transaction.
    lab.exim.send(BOOKS, "warehouse@example.net", extra="  hosts_avoid_tls = *")


def two_unprotected_domains(lab):
    lab.exim.send("bookkeeping@open.test", "warehouse@depot.test", extra="  hosts_avoid_tls = *")


def two_transactions(lab):
    lab.postfix.configure(smtp_tls_security_level="none", relayhost="[mx.open.test]",
                          smtp_connection_cache_on_demand="no",
                          smtp_connection_cache_destinations="mx.open.test")
    lab.postfix.send("bookkeeping@open.test")
    lab.postfix.send("warehouse@old.test")
    # The cached connection ends by itself after 2 s; its end belongs to this capture.
    time.sleep(3)


def greylist(lab):
    lab.receiver.greylist(True)
    try:
        lab.postfix.configure()
        lab.postfix.send("bookkeeping@plain.test")
    finally:
        lab.receiver.greylist(False)
    lab.postfix.wait_sent()


def bdat(lab):
    lab.exim.send("bookkeeping@plain.test")


def exim_tls13(lab):
    lab.exim.send(BOOKS)


def server_454(lab):
    lab.postfix.configure()
    lab.postfix.send("bookkeeping@broken.test")


def auth_tls(lab):
    lab.client("auth-tls")


def probe_quit(lab):
    lab.client("probe")


def bare_lf_dot(lab):
    lab.client("bare-lf-dot", net.MX["plain"])


def resumption(lab):
    lab.postfix.configure(**TLS12_CERT, smtp_tls_session_cache_database=
                          f"btree:{lab.postfix.dir}/data/smtp_scache")
    lab.postfix.send(BOOKS, 2)


def many_sessions(lab):
    lab.postfix.configure()
    lab.postfix.send(BOOKS, 25)


def weak_tls10(lab):
    lab.postfix.configure(smtp_tls_protocols=">=TLSv1", smtp_tls_exclude_ciphers="aNULL")
    lab.postfix.send("bookkeeping@old.test")


def auth_clear(lab):
    lab.client("auth-plain")
    lab.client("auth-login")


CASES = [
    Case("clean-tls13", tls13),
    Case("clean-tls12-cert", tls12_cert, notes="ECDSA leaf and intermediate in clear"),
    Case("clean-tls12-rsa", tls12_rsa, notes="RSA leaf and intermediate in clear"),
    Case("clean-tls12-anon", tls12_anon, notes="anonymous suite, no certificate"),
    Case("clean-ipv6", ipv6),
    Case("clean-no-tls", no_tls, notes="the receiver has never offered TLS; policy none"),
    Case("clean-dane", dane, suffix=".pcapng",
         notes="validating resolver (AD), TLSA on the wire, security level dane"),
    Case("clean-implicit-tls", implicit_tls, notes="port 465"),
    Case("clean-two-rcpt-domains", two_unprotected_domains, sender="Exim",
         notes="one transaction, two domains of one MX, in clear, no policy for either"),
    Case("clean-two-transactions", two_transactions,
         notes="one session, two transactions to two domains; sender without TLS, relay host"),
    Case("clean-greylist", greylist,
         notes="450 to RCPT in clear, accepted on retry; short back-off"),
    Case("clean-bdat", bdat, sender="Exim", notes="CHUNKING: message sent by BDAT, in clear"),
    Case("clean-exim-tls13", exim_tls13, sender="Exim"),
    Case("clean-server-454", server_454, expect={"s": "R06"},
         notes="genuine 454: the receiver cannot read its key; a control of R06 at medium"),
    Case("clean-auth-tls", auth_tls, sender="script", notes="port 587, AUTH inside TLS"),
    Case("clean-probe-quit", probe_quit, sender="script", notes="EHLO then QUIT"),
    Case("clean-bare-lf-dot", bare_lf_dot, sender="script",
         has={"s": [b"One line.\n.\r\nSecond line"]},
         notes="LF . CRLF inside the message with plain text behind it; the receiver accepts "
               "CRLF . CRLF only"),
    Case("two-taps", tls13, "sr",
         notes="one session on both sides of a router that is no proxy: same ports, TTL one less"),
    Case("clean-resumption", resumption, suffix=".pcap.gz",
         notes="TLS 1.2, second session resumed"),
    Case("clean-20-sessions", many_sessions, notes="25 sessions"),
    Case("two-rcpt-domains", two_rcpt_domains, attack="none", sender="Exim", expect={"s": "R29"},
         notes="one transaction, domains example.org (enforce) and example.net (testing); "
               "the sender does not use TLS, R29 once per protected domain"),
    Case("weak-tls10", weak_tls10, expect={"s": "R31"},
         notes="TLS 1.0 and an expired certificate; nobody attacks"),
    Case("auth-clear", auth_clear, sender="script", expect={"s": "R22"},
         notes="port 587, AUTH PLAIN and AUTH LOGIN without TLS, made-up account"),
]
