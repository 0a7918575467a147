"""The receiving side: one Postfix, a service per mail server name, and the keys of the lab."""
import net
from domains import ADDRESS, ALL, SERVERS
from pki import Pki
from postfix import Instance, smtpd


class PolicyPki(Pki):
    """One root that the senders trust, and what it signed for mail servers and policy hosts."""

    def make_first(self):
        self.root("root", "mxwarden policy lab root")
        self.intermediate("inter", "root", "mxwarden policy lab intermediate")
        right = [mx for mx, domain in SERVERS if domain.cert == "mx"]
        self.leaf("mx", right[0], names=right)
        self.leaf("wrong", "mx.other.test", names=["mx.other.test"])
        hosts = ["mta-sts." + d.name for d in ALL if d.mode and d.host not in ("wrong-name",
                                                                              "expired")]
        self.leaf("host", hosts[0], names=hosts)
        self.expired("expired", "mx.expiredcert.test")
        self.expired("host-expired", "mta-sts.hostexpired.test")
        self.self_signed("attacker", "mx.intercepted.test")
        self.write("complete", "")

    def make(self):
        self.make_folder()
        self.make_first()


class MailServers(Instance):
    def __init__(self, folder, pki):
        super().__init__(folder, net.RCV)
        self.pki = pki

    def up(self):
        services = "".join(
            smtpd(f"{ADDRESS[mx]}:25", mx,
                  smtpd_tls_chain_files=self.pki.path(domain.cert + ".chain"))
            for mx, domain in SERVERS)
        self.write({"myhostname": "mx.example.org", "mydomain": "example.org",
                    "myorigin": "example.org", "inet_interfaces": "all",
                    "relay_domains": "static:all", "relay_transport": "discard:",
                    "relay_recipient_maps": "", "local_transport": "discard:",
                    "smtpd_peername_lookup": "no", "smtpd_tls_security_level": "may",
                    "maillog_file_prefixes": "/run",
                    "smtpd_relay_restrictions": "permit_auth_destination, reject",
                    # The lab sends much at once from one router.
                    "smtpd_client_connection_count_limit": "0"}, services)
        self.start()

    def received(self, recipient):
        """True once a message for this recipient was taken over."""
        with open(self.log, errors="replace") as f:
            return f"to=<{recipient}>" in f.read()
