"""Contract: which macros Sendmail sends when (README.md)."""
from cases_macros_postfix import inbound, talk_of
from contract import has, same
from mta import PASSWORD, USER
from procs import Failure
from promise import Case
from smtp import tls_context
from world import RELAY, STRANGER

TLS = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
ASK = {"CONNECT": "{daemon_port} {client_addr} {client_port} {if_addr} {daemon_name}",
       "HELO": "{tls_version} {verify} {cn_subject} {cn_issuer} {alg_bits}",
       "EOM": "{msg_id} {tls_version} {verify} {nrcpts}", "EOH": "i"}
SUBJECT = "/O=mxwarden+20lab/CN=client.example.com"


def talk(world, prepare=lambda s: s.ehlo(), **how):
    return talk_of(world, "sendmail", prepare=prepare, **how)


def secure(context=None):
    return lambda s: (s.ehlo(), s.starttls(context))


def plain(world):
    seen, replies, _ = talk(world)
    same("replies", [r[:3] for r in replies], ["250"] * 4)
    same("connect", seen.macros("CONNECT"), {
        "j": "mx2.example.org", "_": f"client.example.com [{RELAY}]", "{daemon_name}": "MTA-v4",
        "{if_name}": "mx2.example.org", "{if_addr}": world.contract.second})
    has("helo", seen.macros("HELO"), tls_version=None)
    mail = seen.macros("MAIL")
    has("mail", mail, mail_mailer="esmtp", mail_host="example.com",
        mail_addr="correspondent@example.com")
    if not mail.get("i"):
        raise Failure(f"no queue id at MAIL: {mail}")
    # Without the domain, for mail that is delivered here.
    has("recipient", seen.macros("RCPT"), rcpt_addr="box", rcpt_mailer="local", rcpt_host="")
    if not (seen.macros("EOM") or {}).get("{msg_id}"):
        raise Failure(f"no message id at the end: {seen.macros('EOM')}")


def next_hop(world):
    seen, _, _ = talk(world, mail=lambda s: s.mail("correspondent@sender.test", "x@Remote.Test",
                                                   "y@[203.0.113.25]"))
    has("a sender that resolves", seen.macros("MAIL"), mail_host="sender.test.")
    has("recipient", seen.macros("RCPT"), rcpt_mailer="esmtp", rcpt_host="remote.test.",
        rcpt_addr="x@Remote.Test")
    has("literal", seen.macros("RCPT", 1), rcpt_host="[203.0.113.25]")


def starttls(world):
    seen, _, _ = talk(world, secure())
    same("packets", seen.names("HELO", "ABORT", "MAIL")[:3], ["HELO", "HELO", "MAIL"])
    has("after TLS", seen.macros("HELO", 1), **TLS, cert_subject="", cert_issuer="", verify=None)


def client_certificate(world):
    seen, _, _ = talk(world, secure(tls_context(world.pki.path("client.chain"))))
    has("trusted", seen.macros("HELO", 1), **TLS, cert_subject=SUBJECT,
        cert_issuer="/O=mxwarden+20lab/CN=mxwarden+20milter+20lab+20root")


def asked(world):
    seen, _, s = talk(world, secure(), ask=ASK)
    has("connect", seen.macros("CONNECT"), daemon_port="25", client_addr=RELAY,
        client_port=str(s.port), if_addr=world.contract.second)
    has("no certificate", seen.macros("HELO", 1), verify="NO", tls_version="TLSv1.3")
    has("at the end", seen.macros("EOM"), tls_version="TLSv1.3", verify="NO", nrcpts="2")
    seen, _, _ = talk(world, ask=ASK)
    has("in clear", seen.macros("HELO"), verify=None, tls_version=None)
    seen, _, _ = talk(world, secure(tls_context(world.pki.path("client.chain"))), ask=ASK)
    has("trusted", seen.macros("HELO", 1), verify="OK", cn_subject="client.example.com",
        cn_issuer="mxwarden+20milter+20lab+20root")
    seen, _, _ = talk(world, secure(tls_context(world.pki.path("unknown.chain"))), ask=ASK)
    has("not trusted", seen.macros("HELO", 1), verify="FAIL")


def queue_id(world):
    """The id that is there at CONNECT is not the one of the mail after STARTTLS."""
    seen, _, _ = talk(world, secure(), ask={"CONNECT": "i", "MAIL": "i", "EOM": "i", "EOH": "i"})
    first, mail, end = (seen.macros(stage)["i"] for stage in ("CONNECT", "MAIL", "EOM"))
    if first == mail or mail != end:
        raise Failure(f"ids at CONNECT, MAIL, EOM: {first} {mail} {end}")


def end_list(world):
    """The list of macros for the end of message counts only beside one for the end of the headers."""
    seen, _, _ = talk(world, ask={"EOM": "i"})
    same("alone", list(seen.macros("EOM")), ["{msg_id}"])
    seen, _, _ = talk(world, ask={"EOM": "i", "EOH": "i"})
    same("with the other", list(seen.macros("EOM")), ["i"])


def null_sender(world):
    seen, _, _ = talk(world, mail=lambda s: s.mail("", "box@example.org"))
    has("null sender", seen.macros("MAIL"), mail_addr="")


def submission(world):
    def login(s):
        s.ehlo()
        s.starttls()
        s.login(USER, PASSWORD)
    seen, _, _ = talk(world, login, port=587, how={"source": STRANGER}, mail=inbound)
    has("connect", seen.macros("CONNECT"), daemon_name="MSA")
    has("mail", seen.macros("MAIL"), auth_type="PLAIN", auth_authen="archivist")


CASES = [Case("contract/sendmail-" + name, run) for name, run in (
    ("plain", plain), ("next-hop", next_hop), ("starttls", starttls),
    ("client-certificate", client_certificate), ("asked", asked), ("queue-id", queue_id), ("end-list", end_list),
    ("null-sender", null_sender), ("submission", submission))]
