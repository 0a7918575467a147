"""The two mail servers as servers: their settings but for the milter's lines, which a host gives."""
import os
import shutil

from postfix import Instance
from procs import Failure, has_text, run, wait_for
from sendmail import BINARY, OWN_DEV, Sendmail
from world import LINKS, RELAY, RELAY6

USER, PASSWORD = "archivist", "not-a-real-secret"
MAILBOXES = 64790  # owner of the delivered mail


def sasl(folder, name, realm, owner, chroot=""):
    """Settings of Cyrus SASL for one program, and a throw-away account."""
    inside = "/etc/users" if chroot else folder + "/users"
    db = chroot + inside
    for path in (folder, os.path.dirname(db)):
        os.makedirs(path, exist_ok=True)
    with open(f"{folder}/{name}.conf", "w") as f:
        f.write("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                f"mech_list: PLAIN LOGIN\nsasldb_path: {inside}\n")
    run("saslpasswd2", "-c", "-p", "-f", db, "-u", realm, USER, stdin=PASSWORD + "\n")
    shutil.chown(db, owner)
    os.chmod(db, 0o600)


class PostfixServer(Instance):
    """Takes mail for example.org into mailboxes, relays for RELAY and for who logs in."""

    def configure(self, world, addresses, settings, services, stock=False):
        """`services`: lines of master.cf. With `stock` Debian's master.cf with its chroot is below them."""
        sasl(self.dir + "/etc/sasl", "smtpd", "example.org", "postfix",
             self.dir + "/queue" if stock else "")
        os.makedirs(self.dir + "/mail", exist_ok=True)
        os.chown(self.dir + "/mail", MAILBOXES, MAILBOXES)
        self.write({
            "myhostname": "mx1.example.org", "mydomain": "example.org",
            "myorigin": "example.org", "inet_interfaces": ", ".join(["127.0.0.1", *addresses]),
            "inet_protocols": "all", "smtputf8_enable": "yes", "maillog_file_prefixes": "/run",
            "mynetworks": f"127.0.0.0/8 {RELAY} {LINKS} [{RELAY6}]",
            "virtual_mailbox_domains": "example.org", "virtual_mailbox_base": self.dir + "/mail",
            "virtual_mailbox_maps": "static:box/", "virtual_transport": "virtual",
            "virtual_uid_maps": f"static:{MAILBOXES}", "virtual_gid_maps": f"static:{MAILBOXES}",
            "smtpd_relay_restrictions":
                "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_tls_security_level": "may", "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_chain_files": world.pki.path("mx.chain"),
            "smtpd_tls_CAfile": world.pki.path("root.pem"), "smtpd_sasl_path": "smtpd",
            "cyrus_sasl_config_path": self.etc + "/sasl", "smtpd_sasl_local_domain": "example.org",
            "smtpd_client_connection_count_limit": "0", "smtpd_delay_open_until_valid_rcpt": "yes",
            "minimal_backoff_time": "2s", "maximal_backoff_time": "4s", "queue_run_delay": "1s",
            **settings}, services)
        if stock:
            self.use_stock(services)
        self.start()
        wait_for(lambda: self.has("daemon started"), "Postfix to start", 10)

    def use_stock(self, services):
        with open("/etc/postfix/master.cf.proto") as f:
            text = f.read()
        with open(self.etc + "/master.cf", "w") as f:
            f.write(text + services)
        os.makedirs(self.dir + "/queue/etc", exist_ok=True)
        for name in ("services", "nsswitch.conf", "host.conf"):
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, self.dir + "/queue/etc/")
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/netns/{self.ns}/{name}", self.dir + "/queue/etc/")

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def has(self, text):
        return text in self.read_log()

    def delivered(self, mark):
        """Texts of the mails in the mailbox that have the mark."""
        folder, found = self.dir + "/mail/box/new", []
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(f"{folder}/{name}", errors="replace") as f:
                text = f.read()
            if mark in text:
                found.append(text)
        return found

    def wait_delivered(self, mark, seconds=30):
        wait_for(lambda: self.delivered(mark), f"mail with '{mark}' in the mailbox", seconds)
        return self.delivered(mark)[0]

    def inject(self, recipient, sender="correspondent@example.org", text="Subject: lab\n\nOne line.\n"):
        """sendmail(1)."""
        run("/usr/sbin/sendmail", "-C", self.etc, "-f", sender, "--", recipient, ns=self.ns, stdin=text)

    def queue(self):
        """Names of the queue files that wait or are held, by queue."""
        return {name: [f for _, _, files in os.walk(f"{self.dir}/queue/{name}") for f in files]
                for name in ("deferred", "hold", "active", "incoming")}


MC = """divert(0)dnl
VERSIONID(`mxwarden milter lab')dnl
OSTYPE(`linux')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`ALIAS_FILE', `{dir}/aliases')dnl
define(`confPID_FILE', `{dir}/pid')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `')dnl
define(`confCW_FILE', `-o {dir}/local-host-names')dnl
define(`confDOMAIN_NAME', `mx2.example.org')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confTO_IDENT', `0s')dnl
define(`confTO_QUEUEWARN', `')dnl
define(`confMIN_QUEUE_AGE', `1s')dnl
define(`confCACERT', `{pki}/root.pem')dnl
define(`confCACERT_PATH', `{pki}')dnl
define(`confSERVER_CERT', `{pki}/mx.pem')dnl
define(`confSERVER_KEY', `{pki}/mx.key')dnl
define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl
define(`confAUTH_REALM', `example.org')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`LOCAL_MAILER_PATH', `/bin/true')dnl
define(`LOCAL_MAILER_ARGS', `true')dnl
define(`PROCMAIL_MAILER_PATH', `/bin/true')dnl
define(`MAIL_HUB', `relay:[203.0.113.25]')dnl
TRUST_AUTH_MECH(`LOGIN PLAIN')dnl
FEATURE(`nouucp', `reject')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
RELAY_DOMAIN(`{relay}')dnl
RELAY_DOMAIN(`192.0.2')dnl
DAEMON_OPTIONS(`Name=MTA-v4, Family=inet, Addr={address}, Port=25')dnl
DAEMON_OPTIONS(`Name=MSA, Family=inet, Addr={address}, Port=587, M=Ea')dnl
{lines}MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
ESASL_CONF_PATH={dir}/sasl
Cwexample.org
"""


class SendmailServer(Sendmail):
    """The same as server: mail for example.org goes to the mail server outside."""

    def configure(self, world, address, lines):
        sasl(self.dir + "/sasl", "Sendmail", "example.org", "root")
        self.make(MC.format(dir=self.dir, pki=world.pki.dir, relay=RELAY, address=address,
                            lines=lines))
        self.process = world.background.start(
            "sendmail-" + self.ns, "sh", "-c", OWN_DEV, self.dir, BINARY, "-C",
            self.dir + "/sendmail.cf", "-bD", "-q1s", ns=self.ns)
        wait_for(self.started, "Sendmail to start", 20)

    def started(self):
        if self.process.poll() is not None:
            raise Failure(f"sendmail ended: {self.read_log()[-2000:]}")
        return has_text(self.log, "started as:")

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def held(self):
        """Control files of quarantined messages."""
        return [f for f in os.listdir(self.dir + "/queue") if f.startswith("hf")]
