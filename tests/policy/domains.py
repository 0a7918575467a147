"""The domains of the lab: what each publishes, how its mail server behaves, who attacks it.

One table, from which the zones, the policy host, the mail servers, the attacker and the stand-in
are made. Every domain has a mail server address of its own, so attacks on one disturb no other.
"""
from dataclasses import dataclass

POLICY_ID = "20260101"
WEEK = 604800


@dataclass(frozen=True)
class Domain:
    """A recipient domain.

    mode and listed: its policy (mode "" = none published). cert: what its server presents: mx
    (right), wrong (another name) or expired. attack: a mode of tests/lab/modes.py that the attacker
    plays on its server. host: trouble of the policy host; txt: trouble of the record's name. tlsa:
    of each server, the key its TLSA record names (mx, wrong), "servfail" or "" for none.
    """
    name: str
    mode: str = ""
    listed: tuple = ()
    cert: str = "mx"
    attack: str = ""
    host: str = ""
    txt: str = ""
    max_age: int = WEEK
    servers: int = 1
    tlsa: tuple = ()

    @property
    def mx(self):
        """Names of its mail servers, the preferred one first."""
        if self.servers == 1:
            return ["mx." + self.name]
        return [f"mx{i + 1}.{self.name}" for i in range(self.servers)]

    @property
    def policy(self):
        """The text at the policy host."""
        lines = ["version: STSv1", "mode: " + self.mode]
        lines += ["mx: " + m for m in self.listed or self.mx]
        return "\r\n".join(lines + [f"max_age: {self.max_age}", ""])

    @property
    def answer(self):
        """What a responder that enforces must say: None for NOTFOUND."""
        if self.mode != "enforce" or self.host or self.txt:
            return None
        match = ":".join(m[1:] if m[0] == "*" else m for m in self.listed or self.mx)
        return f"secure match={match} servername=hostname"


STRIP, DROP, REFUSE = "keyword-garbled", "keyword-removed", "inject-454"

DOMAINS = [
    # Good ones. example.org is signed and has TLSA records; example.net is not signed.
    Domain("good.test", "enforce"),
    Domain("wild.test", "enforce", listed=("*.wild.test",)),
    Domain("two.test", "enforce", attack=STRIP, servers=2),
    Domain("example.org", "enforce", tlsa=("mx",)),
    Domain("example.net", "enforce"),
    # Attacked on the way, or wrong in themselves.
    Domain("stripped.test", "enforce", attack=STRIP),
    Domain("dropped.test", "enforce", attack=DROP),
    Domain("refused.test", "enforce", attack=REFUSE),
    Domain("cut.test", "enforce", attack="reset-clienthello"),
    Domain("intercepted.test", "enforce", attack="terminate"),
    Domain("wrongcert.test", "enforce", cert="wrong"),
    Domain("expiredcert.test", "enforce", cert="expired"),
    Domain("unlisted.test", "enforce", listed=("mx.elsewhere.test",)),
    # Not bound by anything: the attack succeeds, the mail leaves.
    Domain("nopolicy.test"),
    Domain("plain.test", attack=STRIP),
    Domain("testing.test", "testing", attack=STRIP),
    Domain("modenone.test", "none", attack=STRIP),
    # Policies that cannot be had: as if there were none.
    Domain("hostname.test", "enforce", host="wrong-name"),
    Domain("hostexpired.test", "enforce", host="expired"),
    Domain("redirect.test", "enforce", host="redirect"),
    Domain("missing.test", "enforce", host="missing"),
    Domain("media.test", "enforce", host="media"),
    Domain("oversize.test", "enforce", host="oversize"),
    Domain("slow.test", "enforce", host="slow"),
    Domain("txtservfail.test", "enforce", txt="servfail"),
    Domain("txttimeout.test", "enforce", txt="timeout"),
    Domain("txtbogus.test", "enforce", txt="bogus"),
]
# max_age of a second binds the questions of its own fetch and nothing later; when exactly is the
# programs' own test. Below fresh.test every name is a domain without policy that nobody asked for.
BRIEF = Domain("brief.test", "enforce", max_age=1)
FRESH = "fresh.test"
# Of cases_dane.py. The first one's certificate has another name: only its record vouches for it.
DANE = [
    Domain("dane.example.org", cert="wrong", tlsa=("wrong",)),
    Domain("daneboth.example.org", "enforce", tlsa=("mx",)),
    Domain("danewrong.example.org", "enforce", tlsa=("wrong",)),
    Domain("danelost.example.org", attack=STRIP, tlsa=("servfail",)),
    Domain("danetwo.example.org", attack=STRIP, servers=2, tlsa=("servfail", "mx")),
    Domain("daneless.example.org", "enforce", attack=STRIP),
]

ALL = DOMAINS + [BRIEF] + DANE
BY_NAME = {d.name: d for d in ALL}
SERVERS = [(mx, d) for d in ALL for mx in d.mx]
ADDRESS = {mx: f"198.51.100.{10 + i}" for i, (mx, _) in enumerate(SERVERS)}


def attacked():
    """Address -> mode. Of two servers only the first is attacked."""
    return {ADDRESS[d.mx[0]]: d.attack for d in ALL if d.attack}
