"""25 clean sessions, then an attack, in one capture: what only history can tell."""
from cases import Case
from cases_attack import BOOKS, TLS12_CERT

CLEAN, ATTACKED = 25, 3


def then(attack, **settings):
    """The settings hold for both halves; only the path changes."""
    def go(lab):
        lab.postfix.configure(**settings)
        lab.postfix.send(BOOKS, CLEAN)
        with attack(lab):
            lab.postfix.send(BOOKS, ATTACKED)
    return go


def proxy(mode):
    return lambda lab: lab.mitm(mode)


def misissued(lab):
    """The attacker has made another trusted authority certify the name, a moment ago."""
    lab.pki.leaf("misissued", "mx1.example.org", issuer="inter-two")
    return lab.terminate("misissued")


def renewed(lab):
    """Nobody attacks: the operator of the MX gets a new key certified, as every few months."""
    lab.pki.leaf("renewed", "mx1.example.org")
    return lab.receiver.presenting("renewed")


NOTE = f"{CLEAN} clean TLS sessions, then {ATTACKED} attacked ones"

CASES = [
    Case("baseline-then-strip", then(proxy("keyword-removed")), "sr", "A01", "line_removed",
         {"s": "R01,R02,R29", "r": "R13"}, notes=NOTE),
    Case("baseline-then-garble", then(proxy("keyword-garbled")), "sr", "A02", "token_masked",
         {"s": "R02,R03,R29", "r": "R13"}, notes=NOTE),
    Case("baseline-then-ehlo-refused", then(proxy("ehlo-refused")), "sr", "A03", "reply_injected",
         {"s": "R02,R04,R05,R29"}, notes=NOTE),
    Case("baseline-then-downgrade", then(lambda lab: lab.terminate("fake", "1.1", "1.1")), "sr",
         "B01", "tls_terminated", {"s": "R15,R16,R31", "r": "R15,R31"},
         notes=NOTE + "; TLS 1.3 first, then 1.1 on both legs"),
    Case("baseline-then-selfsigned", then(lambda lab: lab.terminate("fake"), **TLS12_CERT), "sr",
         "B03", "certificate_substituted", {"s": "R16"},
         notes=NOTE + "; TLS 1.2, certificate of a CA first, then self-signed; "
                      "R17 if no policy is given"),
    Case("baseline-then-new-ca", then(misissued, **TLS12_CERT), "sr", "B04",
         "certificate_substituted", {"s": "R30"}, ca="lab-ca-two.pem",
         notes=NOTE + "; TLS 1.2, the later certificate is valid, minutes old and of another "
                      "authority; judged with --ca-file pcaps/ca/lab-ca-two.pem"),
    Case("clean-renewal", then(renewed, **TLS12_CERT),
         notes=f"{CLEAN} sessions, then {ATTACKED} with a renewed certificate: new key, same "
               "issuer"),
]
