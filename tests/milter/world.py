"""The world around the mail servers: made once per run, removed on any exit.

    mxw-rtr: clients, name server, policy host, mail servers of all other domains --h<N>-- mxw-<host>
    203.0.113.10, .11, .53, .80, .25, .100 to .199; 2001:db8:ff::10
"""
import os
import shutil
import threading

import net
import scratch
import topology
from outside import Names, Sink
from pki import P256, Pki
from procs import Background, Failure, run
from topology import RTR

# Not below /tmp: Sendmail refuses files in a folder that everybody may write.
DIR = "/run/mxw-milter"
RELAY, STRANGER, RESOLVER, SINK = "203.0.113.10", "203.0.113.11", "203.0.113.53", "203.0.113.25"
RELAY6 = "2001:db8:ff::10"
LINKS = "192.0.2.0/24"  # of the hosts: what in `mxw-rtr` binds to no address comes from there
POLICY_HOST = "203.0.113.80"
# Domains with a mail server of their own, one for each thing a case does: verdicts do not meet.
DOMAINS = {f"d{n}.test": f"203.0.113.{100 + n}" for n in range(100)}
HOSTS = f"""127.0.0.1 localhost
{RELAY} client.example.com
{STRANGER} stranger.example.net
{RELAY6} client6.example.com
"""


PROGRAMS = ("mxwarden-milter", "mxwarden-policyd", "mxwarden")


class MilterPki(Pki):
    """A root that the servers trust, a server's key, a trusted client's and one that nobody signed."""

    def make(self):
        self.make_folder()
        self.root("root", "mxwarden milter lab root")
        for name, host in (("mx", "mx1.example.org"), ("client", "client.example.com")):
            self.request(name, f"/O=mxwarden lab/CN={host}", P256)
            self.sign(name, "root", f"subjectAltName=DNS:{host}\n"
                      "extendedKeyUsage=serverAuth,clientAuth\n", ["-days", "30"])
            self.bundle(name, [name + ".key", name + ".pem", "root.pem"])
        self.self_signed("unknown", "client.example.com")
        self.leaf("host", "mta-sts.test", issuer="root", names=["mta-sts." + d for d in DOMAINS])
        os.chmod(self.path("mx.key"), 0o600)


class World:
    def __init__(self, bin_folder):
        self.dir, self.source, self.bin = DIR, bin_folder, DIR + "/bin"
        self.pki = MilterPki(DIR + "/pki")
        self.background = Background(DIR + "/log")
        self.closed, self.lock = False, threading.Lock()
        self.children = []  # of ours that talk over pipes
        self.names = self.sink = self.contract = self.policies = self.knowledge = None
        self.free = iter(DOMAINS)
        self.shared = {}

    def up(self):
        self.clear()
        for folder in (DIR, DIR + "/log", self.bin):
            os.makedirs(folder, mode=0o755)
        self.pki.make()
        shutil.copy(self.pki.path("root.pem"), DIR + "/ca.pem")  # for all to read; the keys are not
        topology.add(RTR)
        addresses = (RELAY, STRANGER, RESOLVER, SINK, POLICY_HOST, *DOMAINS.values())
        batch = "".join(f"addr add {a} dev lo\n" for a in addresses)
        run("ip", "-n", RTR, "-batch", "-", stdin=f"{batch}addr add {RELAY6} dev lo nodad\n")
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", ns=RTR)
        self.copy_programs()
        self.names, self.sink = Names(RTR, RESOLVER, SINK), Sink(RTR)
        for domain, address in DOMAINS.items():
            self.names.addresses["mx." + domain] = [address]
            self.names.addresses["mta-sts." + domain] = [POLICY_HOST]

    def add_host(self, ns):
        """A namespace with an address of the /30 network, one of 198.51.100.0/24 beside it, and one
        of IPv6."""
        if self.closed:
            raise Failure("the lab ends")
        address = topology.add_host(ns)
        number = (int(address.split(".")[3]) - 2) // 4
        second, six = f"198.51.100.{number + 1}", f"2001:db8:0:{number + 1:x}::"
        run("ip", "-n", ns, "addr", "add", second, "dev", "lo")
        run("ip", "-n", RTR, "route", "replace", second, "via", address)
        for where, link, end in ((RTR, f"h{number}", "1"), (ns, "e0", "2")):
            run("ip", "-n", where, "addr", "add", f"{six}{end}/64", "dev", link, "nodad")
        run("ip", "-n", ns, "-6", "route", "add", "default", "via", six + "1")
        net.etc_file(ns, "resolv.conf", f"nameserver {RESOLVER}\n")
        net.etc_file(ns, "hosts", HOSTS + f"{address} mx1.example.org mx1\n"
                     f"{second} mx2.example.org mx2\n")
        return address, second, six + "2"

    def copy_programs(self):
        """Where every user may run them: a build folder need not be open to all."""
        for path in (*(f"{self.source}/{p}" for p in PROGRAMS), self.source + "/../tests/support/verdict_feed"):
            if os.path.exists(path):
                shutil.copy(path, self.bin)
                os.chmod(f"{self.bin}/{os.path.basename(path)}", 0o755)

    def domain(self):
        """One that no case had before, and the address of its mail server."""
        with self.lock:
            name = next(self.free)
        return name, DOMAINS[name]

    def down(self):
        # What runs in the namespaces goes with them; then our own children need only be buried.
        topology.remove_all()
        self.background.stop_all()
        for child in self.children:
            child.kill()
            child.wait()
        self.clear()

    def clear(self):
        """Everything of this or an earlier run: processes, namespaces, mounts, files."""
        topology.remove_all()
        scratch.remove(DIR)
