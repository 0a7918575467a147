"""Two Postfix instances: a sender whose settings each case picks, one receiver with many faces."""
import contextlib
import os
import re
import shutil

import net
from procs import end_pidfile, run, wait_for

DAEMONS = "/usr/lib/postfix/sbin"
COMMON = {
    "compatibility_level": "3.6", "command_directory": "/usr/sbin", "daemon_directory": DAEMONS,
    "biff": "no", "append_dot_mydomain": "no", "alias_maps": "", "mydestination": "",
    "maillog_file_prefixes": "/tmp, /var", "inet_protocols": "ipv4",
    "mynetworks": "127.0.0.0/8", "smtputf8_enable": "no",
}
SENDER = {
    "myhostname": "client.example.com", "mydomain": "example.com", "myorigin": "example.com",
    "inet_interfaces": "loopback-only", "smtp_bind_address": net.SENDER4,
    "smtp_tls_security_level": "may",
    "smtp_connection_cache_on_demand": "no", "smtp_destination_concurrency_limit": "1",
    # Short back-off, so that what takes Postfix minutes happens in seconds.
    "minimal_backoff_time": "5s", "maximal_backoff_time": "10s", "queue_run_delay": "2s",
}
STATUS = re.compile(r"status=(sent|deferred|bounced)")


class Instance:
    """One instance below a folder: etc, queue, data and its own log."""

    def __init__(self, folder, ns):
        self.dir, self.ns = folder, ns
        self.etc, self.log = folder + "/etc", folder + "/maillog"

    def write(self, settings, services):
        for sub in ("etc", "queue", "data"):
            os.makedirs(f"{self.dir}/{sub}", exist_ok=True)
        shutil.chown(f"{self.dir}/data", "postfix")
        for name in ("dynamicmaps.cf", "postfix-files"):
            shutil.copy(f"/etc/postfix/{name}", self.etc)
        for name in ("dynamicmaps.cf.d", "postfix-files.d"):
            shutil.copytree(f"/etc/postfix/{name}", f"{self.etc}/{name}", dirs_exist_ok=True)
        settings = {**COMMON, "queue_directory": self.dir + "/queue",
                    "data_directory": self.dir + "/data", "maillog_file": self.log, **settings}
        with open(self.etc + "/main.cf", "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in settings.items())
        with open(self.etc + "/master.cf", "w") as f:
            f.write(services + master_base())

    def start(self):
        open(self.log, "w").close()
        run("postfix", "-c", self.etc, "start", ns=self.ns)

    def stop(self):
        end_pidfile(self.dir + "/queue/pid/master.pid")

    def statuses(self):
        with open(self.log, errors="replace") as f:
            return STATUS.findall(f.read())


def master_base():
    """Debian's service table without network services, without chroot, with postlogd."""
    with open("/etc/postfix/master.cf.proto") as f:
        lines = [l for l in f if not l.startswith("#") and not re.match(r"\S+\s+inet\s", l)]
    text = re.sub(r"(?m)^(\S+ +(?:unix|fifo|pass) +\S+ +\S+ +)y", r"\1n", "".join(lines))
    return text if "postlog" in text else text + "postlog unix-dgram n - n - 1 postlogd\n"


class Sender(Instance):
    """Postfix as client. Every `configure` is a fresh start with an empty queue."""

    def __init__(self, work):
        super().__init__(work + "/pf-snd", net.SND)

    def configure(self, **settings):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.write({**SENDER, **settings}, "")
        self.start()

    def submit(self, rcpt, sender="correspondent@example.com"):
        run("sendmail", "-C", self.etc, "-f", sender, *rcpt.split(), ns=self.ns,
            stdin="Subject: lab\n\nOne line.\n")

    def send(self, rcpt, count=1, sender="correspondent@example.com"):
        """Submit and wait until each message was tried once; one after the other."""
        for _ in range(count):
            before = len(self.statuses())
            self.submit(rcpt, sender)
            wait_for(lambda: len(self.statuses()) > before, f"mail to {rcpt}, see {self.log}")

    def wait_sent(self, count=1, seconds=60):
        wait_for(lambda: self.statuses().count("sent") >= count, f"{count} sent, see {self.log}",
                 seconds)


class Receiver(Instance):
    """Postfix as server: one smtpd per MX address, each with its own habits."""

    def __init__(self, work, pki):
        super().__init__(work + "/pf-rcv", net.RCV)
        self.pki = pki

    def up(self):
        chain = self.chains("mx", "mx-rsa")
        self.write({
            "myhostname": "mx1.example.org", "mydomain": "example.org", "myorigin": "example.org",
            "inet_interfaces": "all", "inet_protocols": "all",
            "relay_domains": "static:all", "relay_transport": "discard:",
            "relay_recipient_maps": "",
            "local_transport": "discard:", "smtpd_peername_lookup": "no",
            "smtpd_tls_security_level": "may", "smtpd_tls_chain_files": chain,
            "smtpd_sasl_path": "smtpd", "cyrus_sasl_config_path": self.etc + "/sasl",
            "smtpd_sasl_local_domain": "example.org",
            "smtpd_relay_restrictions": "permit_auth_destination, reject",
        }, self.services())
        self.accounts()
        self.greylist(False)
        self.start()

    def chains(self, *names):
        return ", ".join(self.pki.path(name + ".chain") for name in names)

    @contextlib.contextmanager
    def presenting(self, name):
        """For a while mx1 presents another certificate."""
        self.present(name)
        try:
            yield
        finally:
            self.present("mx", "mx-rsa")

    def present(self, *names):
        run("postconf", "-c", self.etc, "-e", "smtpd_tls_chain_files = " + self.chains(*names))
        run("postfix", "-c", self.etc, "reload", ns=self.ns)
        leaf = self.pki.text(names[0] + ".pem").strip()
        wait_for(lambda: leaf in self.presented(), f"certificate {names[0]}, see {self.log}")

    def presented(self):
        """What mx1 shows to a client in its own namespace, out of sight of the taps."""
        return run("openssl", "s_client", "-starttls", "smtp", "-tls1_2", "-cipher",
                   "ECDHE-ECDSA-AES256-GCM-SHA384", "-connect", net.MX["mx1"] + ":25", ns=self.ns,
                   stdin="QUIT\n", check=False)

    def services(self):
        mx = net.MX
        text = smtpd(mx["mx1"] + ":25", "mx1.example.org")
        text += smtpd(mx["mx2"] + ":25", "mx2.example.org")
        text += smtpd(f"[{net.MX6}]:25", "mx6.example.org")
        text += smtpd(mx["dane"] + ":25", "mx-dane.example.org",
                      smtpd_tls_chain_files=self.pki.path("mx.chain"))
        text += smtpd(mx["open"] + ":25", "mx.open.test")
        # max_use=1: each connection reads the greylist file anew. Of all services only this one
        # ends a message by the standard's line alone; the others show what smuggling can do.
        text += smtpd(mx["plain"] + ":25", "mx.plain.test", smtpd_tls_security_level="none",
                      max_use="1", smtpd_recipient_restrictions=
                      f"check_recipient_access,texthash:{self.etc}/greylist",
                      smtpd_forbid_bare_newline="normalize")
        # A key that cannot be read is what a real 454 comes from.
        text += smtpd(mx["broken"] + ":25", "mx.broken.test", smtpd_tls_chain_files="",
                      smtpd_tls_cert_file=self.pki.path("mx.pem"),
                      smtpd_tls_key_file=self.pki.path("absent.key"))
        text += smtpd(mx["old"] + ":25", "mx.old.test", smtpd_tls_protocols="TLSv1",
                      smtpd_tls_chain_files=self.pki.path("old.chain"))
        text += smtpd(mx["mx1"] + ":465", "mx1.example.org", smtpd_tls_wrappermode="yes")
        text += smtpd(mx["mx1"] + ":587", "mx1.example.org", smtpd_sasl_auth_enable="yes",
                      smtpd_tls_auth_only="no")
        return text

    def accounts(self):
        """A throw-away user for submission; its password is no secret."""
        os.makedirs(self.etc + "/sasl", exist_ok=True)
        db = self.etc + "/sasl/users"
        with open(self.etc + "/sasl/smtpd.conf", "w") as f:
            f.write("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                    f"mech_list: PLAIN LOGIN\nsasldb_path: {db}\n")
        run("saslpasswd2", "-c", "-p", "-f", db, "-u", "example.org", "archivist",
            stdin="not-a-real-secret\n")
        shutil.chown(db, "postfix")

    def greylist(self, on):
        with open(self.etc + "/greylist", "w") as f:
            f.write("plain.test 450 4.2.0 Greylisted, please come again\n" if on else "")


def smtpd(address, name, **options):
    """One line of master.cf; blanks are not allowed inside -o values."""
    options = {"myhostname": name, **options}
    line = f"{address} inet n - n - - smtpd\n"
    return line + "".join(f"  -o {{ {k} = {v} }}\n" for k, v in options.items())
