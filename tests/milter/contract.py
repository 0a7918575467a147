"""The host on which both mail servers talk to a milter of the lab's own: what do they really do?"""
import threading

from mta import PostfixServer, SendmailServer
from postfix import smtpd
from procs import Failure
from rawmilter import RawMilter
from smtp import Smtp
from world import RELAY, SINK

DOWN = {2601: "tempfail", 2602: "accept", 2603: "reject", 2604: "quarantine"}


class Contract:
    """`postfix` at `address`, `sendmail` at `second`, a raw milter for each."""

    def __init__(self, world):
        self.world, self.ns, self.dir = world, "mxw-contract", world.dir + "/contract"
        self.postfix = PostfixServer(self.dir + "/pf", self.ns)
        self.sendmail = SendmailServer(self.dir + "/sm", self.ns)

    def up(self):
        self.address, self.second, self.six = self.world.add_host(self.ns)
        # Sendmail has the second address, where Postfix must not think it loops.
        self.raw = {"postfix": RawMilter(self.world.dir + "/raw-postfix"),
                    "sendmail": RawMilter(self.world.dir + "/raw-sendmail")}
        starts = [threading.Thread(target=self.up_sendmail), threading.Thread(target=self.up_postfix)]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        return self

    def up_sendmail(self):
        self.sendmail.configure(
            self.world, self.second,
            f"INPUT_MAIL_FILTER(`lab', `S=local:{self.raw['sendmail'].path}, F=T, "
            "T=C:5s;S:5s;R:5s;E:10s')dnl\nRELAY_DOMAIN(`split.test')dnl\n")

    def up_postfix(self):
        milter = f"unix:{self.raw['postfix'].path}"
        settings = {"smtpd_milters": milter, "non_smtpd_milters": milter,
                    "milter_default_action": "accept",
                    "relay_domains": "split.test",
                    "transport_maps": "inline:{routed.test=smtp:[smart.test]:587, "
                                      f"split.test=smtp:[{SINK}]}}",
                    "sender_dependent_relayhost_maps": "inline:{smart@example.com=[smart.test]:587}"}
        self.postfix.configure(self.world, [self.address, f"[{self.six}]"], settings, self.services())

    def services(self):
        here, auth = self.address, {"smtpd_sasl_auth_enable": "yes"}
        text = smtpd(here + ":25", "mx1.example.org")
        text += smtpd(f"[{self.six}]:25", "mx1.example.org")
        text += smtpd(here + ":587", "mx1.example.org", **auth,
                      milter_macro_daemon_name="ORIGINATING")
        text += smtpd(here + ":465", "mx1.example.org", **auth, smtpd_tls_wrappermode="yes")
        text += smtpd(here + ":26", "mx1.example.org", content_filter="smtp:[127.0.0.1]:10026",
                      smtpd_milters="")
        text += smtpd("127.0.0.1:10026", "localhost.example.org", content_filter="")
        for port, action in DOWN.items():
            text += smtpd(f"{here}:{port}", "mx1.example.org", smtpd_milters=
                          f"{{unix:{self.world.dir}/nobody,connect_timeout=2s,"
                          f"default_action={action}}}")
        return text

    def client(self, mta, port=25, **how):
        """A client of one of them; the source is the relay's unless said."""
        address = self.address if mta == "postfix" else self.second
        return Smtp(address, port, **{"source": RELAY, **how})

    def log(self, mta):
        return (self.postfix if mta == "postfix" else self.sendmail).read_log().split("\n")


def same(what, found, wanted):
    """A value is the one that was observed; the message has both."""
    if found != wanted:
        raise Failure(f"{what}: {found!r}, not {wanted!r}")


def has(what, macros, **wanted):
    """These macros with these values; `_1` names are written with `name`, None: not sent at all."""
    for name, value in wanted.items():
        key = name if len(name) == 1 else "{" + name + "}"
        found = (macros or {}).get(key)
        if found != value:
            raise Failure(f"{what}: {key} is {found!r}, not {value!r}; all: {macros}")
