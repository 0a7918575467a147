"""The lab as the cases see it: senders, attacks that last for a `with` block, recording."""
import contextlib
import os
import signal
import sys
import time

import names
import net
import pcapio
from exim import Exim
from pki import Pki
from postfix import Receiver, Sender
from procs import Background, Failure, run

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = "tcp port 25 or tcp port 465 or tcp port 587 or port 53"
MITM_TABLE = """table inet mitm {{
 chain in {{
  type nat hook prerouting priority -100;
  iifname "rs" tcp dport 25 redirect to :10025
 }}
 chain out {{
  type nat hook postrouting priority 100;
  oifname "rr" ip saddr 198.51.100.1 tcp dport 25 snat ip to {client4}
  oifname "rr" ip6 saddr 2001:db8:2::1 tcp dport 25 snat ip6 to {client6}
 }}
}}
"""
DNS_TABLE = """table inet forge {
 chain in {
  type nat hook prerouting priority -100;
  iifname "rs" udp dport 53 redirect to :10053
 }
}
"""


class Lab:
    def __init__(self, work, pki_dir):
        self.work = work
        self.pki = Pki(pki_dir)
        self.background = Background(work)
        self.postfix = Sender(work)
        self.exim = Exim(work)
        self.receiver = Receiver(work, self.pki)

    def up(self):
        self.pki.make()
        net.clear_leftovers()
        net.hosts_files()
        self.exim.fetch()
        self.exim.accounts()
        net.up()
        names.start(self.background, self.work, self.pki.tlsa("mx"))
        self.receiver.up()

    def down(self):
        self.postfix.stop()
        self.receiver.stop()
        self.background.stop_all()
        net.down()
        self.exim.clean()

    def client(self, way, address=net.MX["mx1"]):
        run(sys.executable, f"{HERE}/clients.py", way, address, ns=net.SND)

    @contextlib.contextmanager
    def mitm(self, mode, *options):
        """All SMTP of the sender goes through the proxy, under the sender's own address."""
        child = self.background.start("mitm", sys.executable, f"{HERE}/mitm.py", 10025, mode,
                                      *options, ns=net.RTR, ready="listening")
        net.nft(MITM_TABLE.format(client4=net.SENDER4, client6=net.SENDER6))
        try:
            yield
            settle()
        finally:
            net.nft("delete table inet mitm\n")
            self.background.stop(child)

    def terminate(self, cert, client_max="1.2", server_max="1.2"):
        """TLS ends at the proxy, under the given certificate."""
        return self.mitm("terminate", "--cert", self.pki.path(cert + ".chain"),
                         "--client-max", client_max, "--server-max", server_max)

    @contextlib.contextmanager
    def rogue_mx(self, way, domain):
        """A forged MX answer and the attacker's own MX, which relays to the true one."""
        forge = self.background.start("dnsforge", sys.executable, f"{HERE}/dnsforge.py", 10053,
                                      way, net.RESOLVER, domain, "mx.attacker.test",
                                      net.ATTACKER, ns=net.RTR, ready="listening")
        mx = self.background.start("rogue", sys.executable, f"{HERE}/mitm.py", 25, "terminate",
                                   "--bind", net.ATTACKER, "--upstream", net.MX["mx1"],
                                   "--rename", "mx.attacker.test", "--cert",
                                   self.pki.path("attacker.chain"), ns=net.RTR, ready="listening")
        net.nft(DNS_TABLE)
        try:
            yield
            settle()
        finally:
            net.nft("delete table inet forge\n")
            self.background.stop(forge)
            self.background.stop(mx)

    @contextlib.contextmanager
    def injector(self, way):
        """Forged packets from beside the path, with a TTL that no server here would have."""
        child = self.background.start("inject", sys.executable, f"{HERE}/inject.py",
                                      net.TAPS["s"], 39, way, ns=net.RTR, ready="watching")
        try:
            yield
            settle()
        finally:
            self.background.stop(child)

    @contextlib.contextmanager
    def slow_receiver(self, burst):
        """Milliseconds more on the way to the receiver: the head start of a race.

        The burst is to be larger than any single packet of the case, and smaller than all
        that the sender says up to the packet that has to wait.
        """
        net.tc("add", "tbf", "rate", "16kbit", "burst", str(burst), "latency", "5s")
        try:
            yield
        finally:
            net.tc("del")

    @contextlib.contextmanager
    def dane(self):
        net.resolver_options("trust-ad edns0")
        try:
            yield
        finally:
            net.resolver_options()

    def record(self, case, out):
        """Run a case between two taps; returns the files of the sides that it wants."""
        raw = {side: f"{self.work}/{case.name}.{side}.raw" for side in net.TAPS}
        taps = [self.background.start("tcpdump-" + side, "tcpdump", "-Z", "root", "-i", dev,
                                      "-s", "0", "-U", "--immediate-mode", "-w", raw[side], PORTS,
                                      ns=net.RTR, ready="listening on")
                for side, dev in net.TAPS.items()]
        try:
            case.run(self)
            settle()
        finally:
            for tap in taps:
                self.background.stop(tap, signal.SIGINT)
        paths = {}
        for side in case.sides:
            link, packets = pcapio.read(raw[side])
            if side in case.forge:
                packets = case.forge[side](packets)
            wrong = case.check(side, packets)
            if wrong:
                raise Failure(wrong)
            paths[side] = os.path.join(out, case.file(side))
            pcapio.write(paths[side], link, packets)
        return paths


def settle():
    """Let the last FIN and its answer pass before a tap or a proxy goes."""
    time.sleep(0.4)
