"""A sender host: its namespace, stock Postfix and Sendmail in it, and our programs under unitd."""
import glob
import itertools
import json
import os
import re
import shutil
import socket
import time

import net
import scratch
import socketmap
import topology
from domains import BY_NAME, DOMAINS
from outcome import postfix_outcome
from postfix import Instance
from procs import Failure, run, wait_for
from programs import IDS, Units
from sendmail import Sendmail
from snippets import main_cf, snippet

PROGRAMS = ("mxwarden-policyd", "mxwarden-map")
TOOLS = ("mxwarden", "mxwarden-sensor")
CONFIG = """[paths]
run = "{root}/run/mxwarden"
state = "{root}/var/lib/mxwarden"
operator = "{root}/var/lib/mxwarden/operator"

[resolver]
servers = ["{resolver}:53"]
validating = ["{resolver}:53"]

[fetch]
ca_file = "{ca}"
allow = [{allow}]

[policyd]
feed_users = ["0", {users}]
ask_users = ["0", {askers}]
ask_group = "{ask}"
operator_group = "{operator}"

{map}"""
_serial = itertools.count(1)


class StockPostfix(Instance):
    """master.cf as Debian ships it, clients in a chroot; main.cf with our documented lines."""

    def configure(self, host, settings):
        self.write({"myhostname": "client.example.com", "mydomain": "example.com",
                    "myorigin": "example.com", "inet_interfaces": "loopback-only",
                    "smtp_bind_address": host.address, "smtp_tls_loglevel": "1",
                    "maillog_file_prefixes": "/run", **settings}, "")
        shutil.copy("/etc/postfix/master.cf.proto", self.etc + "/master.cf")
        # What Debian's start script copies into the chroot.
        os.makedirs(self.dir + "/queue/etc", exist_ok=True)
        for name in ("services", "nsswitch.conf", "host.conf"):
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, self.dir + "/queue/etc/")
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"{net.ETC}/{self.ns}/{name}", self.dir + "/queue/etc/")
        self.start()

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()


class Host(Units):
    """`kind` is enforce, observe or none (no map at all)."""

    def __init__(self, world, name, kind):
        super().__init__(name, "mxw-" + name, f"{world.dir}/{name}")
        self.world, self.kind = world, kind
        self.postfix = StockPostfix(self.dir + "/pf", self.ns)
        self.sendmail = Sendmail(self.dir + "/sm", self.ns)
        self.address = None
        self.policies = set()  # domains whose policy the map was told since the host came up

    # -- coming and going -------------------------------------------------------------------

    def up(self, with_sendmail=False, state_size="", units=True, postfix=None):
        """With state_size all state of ours is on a file system of that size; `postfix` are lines
        of main.cf beside the documented ones."""
        if self.world.closed:
            raise Failure("the lab ends")
        self.address = topology.add_host(self.ns)
        net.etc_file(self.ns, "resolv.conf", f"nameserver {topology.RESOLVER}\n")
        net.etc_file(self.ns, "hosts", f"127.0.0.1 localhost\n{self.address} client.example.com\n")
        # The trusted authorities where the documented lines look for them.
        net.etc_file(self.ns, "ssl/certs/ca-certificates.crt", self.world.pki.text("root.pem"))
        shutil.copy("/etc/ssl/openssl.cnf", f"{net.ETC}/{self.ns}/ssl/")
        os.makedirs(self.root, exist_ok=True)
        lines = main_cf("main.cf map") if self.kind != "none" else {
            "smtp_tls_security_level": "may",
            "smtp_tls_CAfile": "/etc/ssl/certs/ca-certificates.crt"}
        self.postfix.configure(self, {**lines, **(postfix or {})})
        if with_sendmail:
            self.sendmail.configure(*(["ca"] if self.kind == "none" else ["ca", self.kind]))
        if self.kind != "none":
            if state_size:
                scratch.mount_small(self.root + "/var/lib/mxwarden", state_size)
            self.write_settings()
            if units:
                self.start_units()
        return self

    def down(self):
        self.end_units()
        topology.remove_host(self.ns, self.address)
        scratch.unmount(self.dir)

    def write_settings(self, more=""):
        """mxwarden.toml; `more` are lines at the end of its table [map]."""
        os.makedirs(self.root + "/etc/mxwarden", exist_ok=True)
        root = self.root
        askers = ", ".join(f'"{IDS[u]}"' for u in ("mxw-map", "mxw-milter", "mxw-report"))
        users = askers + f', "{IDS["mxw-sensor"]}"'
        text = CONFIG.format(root=root, resolver=topology.RESOLVER, operator=IDS["mxw-op"],
                             ca="/etc/ssl/certs/ca-certificates.crt", users=users,
                             askers=askers, ask=IDS["mxw-ask"],
                             allow=", ".join(f'"{n}"' for n in topology.LAB_NETS),
                             map=snippet("postfix.md", "mxwarden.toml " + self.kind) + more)
        self.write_file("etc/mxwarden/mxwarden.toml", text)
        table = {d.name: d.answer for d in DOMAINS if d.answer and self.kind == "enforce"}
        self.write_file("etc/mxwarden/standin.json", json.dumps(table))
        folder = root + "/var/lib/mxwarden/operator"
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, 0, IDS["mxw-op"])
        os.chmod(folder, 0o2775)

    def start_units(self, wait=True):
        self.launch(self.world.background, self.world.bin, self.world.units(), PROGRAMS, wait)

    @property
    def map_unit(self):
        return "mxwarden-map.service" if self.world.real else "standin.service"

    def firewall(self, *rules):
        """What leaves this host and matches is lost at the router; without rules all passes again.

        Not dropped here: the sender would then be told so, which nobody on the Internet does.
        """
        run("nft", "delete", "table", "inet", "trouble", ns=self.ns, check=False)
        if rules:
            body = "".join(f"  {rule} ip dscp set {topology.LOST}\n" for rule in rules)
            run("nft", "-f", "-", ns=self.ns, stdin="table inet trouble {\n chain out {\n  type "
                f"filter hook output priority 0;\n{body} }}\n}}\n")

    def stores(self):
        """SQLite files of policyd, known by their first octets, and what lies beside them."""
        found = []
        for path in glob.glob(self.state_folder("policy*") + "/**", recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    if f.read(15) == b"SQLite format 3":
                        found.append(path)
        return found

    # -- mail -------------------------------------------------------------------------------

    def ask(self, domain, name="postfix"):
        return socketmap.ask(self.ns, domain, name)

    def warm(self, domain, seconds=30):
        """Wait until the map knows what the table of domains says about one."""
        want = "OK " + domain.answer if domain.answer and self.kind == "enforce" else "NOTFOUND "
        wait_for(lambda: self.ask(domain.name) == want, f"'{want}' for {domain.name} at "
                 f"{self.name}, last: {self.ask(domain.name)}", seconds)

    def hold(self, names):
        """Wait until the map has the policies of these domains in its own copy. A question that
        waited was answered by policyd itself, perhaps before its feed was read: a map that loses
        policyd then knows nothing, and rightly so."""
        if self.kind != "enforce" or not self.world.real:
            return
        self.policies |= {n for n in names if (BY_NAME[n].answer or "").startswith("secure")}
        wait_for(lambda: self.map_metric("mxwarden_map_feed_policies") >= len(self.policies),
                 f"the map of {self.name} to be told {len(self.policies)} policies", 30)

    def map_metric(self, name):
        """The number the map tells of itself; -1 when it tells none."""
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(self.root + "/run/mxwarden/map/metrics.sock")
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
                said = sock.makefile().read()
            except OSError:
                return -1
        found = re.search(rf"^{name}(?:\{{.*\}})? (\d+)", said, re.M)
        return int(found.group(1)) if found else -1

    def send(self, domain):
        """Hand one message to Postfix; gives the recipient, a name that no other message has."""
        recipient = f"m{next(_serial)}@{domain}"
        run("/usr/sbin/sendmail", "-C", self.postfix.etc, "-f", "correspondent@example.com",
            recipient, ns=self.ns, stdin="Subject: lab\n\nOne line.\n")
        return recipient

    def outcome(self, recipient, seconds=30):
        """Wait for the first attempt. Its own clock starts when the message was handed over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = postfix_outcome(self.postfix.read_log(), recipient)
            if found:
                return found
            time.sleep(0.05)
        raise Failure(f"{self.name}: no attempt for {recipient} within {seconds} s")

    def flush(self):
        """Held mail is tried now, as at its next turn."""
        run("postqueue", "-c", self.postfix.etc, "-f", ns=self.ns)

    def deliver(self, domain, seconds=30):
        return self.outcome(self.send(domain), seconds)

    def attempt_sendmail(self, domain):
        recipient = f"m{next(_serial)}@{domain}"
        return recipient, self.sendmail.deliver(recipient)

    def deliver_sendmail(self, domain):
        return self.attempt_sendmail(domain)[1]
