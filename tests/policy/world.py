"""The whole policy lab: made once per run, removed on any exit, also what a killed run left."""
import glob
import json
import os
import shutil
import sys
import threading

import host
import mailservers
import net
import policyhost
import scratch
import topology
import zones
from domains import ADDRESS, attacked
from procs import Background, Failure
from sendmail import TOP

HERE = os.path.dirname(os.path.abspath(__file__))
# Not below /tmp: Sendmail refuses files in a folder that everybody may write.
DIR = "/run/mxw-policy"
ATTACK_TABLE = """table inet attack {{
 set servers {{
  type ipv4_addr
  {elements}
 }}
 chain in {{
  type nat hook prerouting priority -100;
  iifname "h*" ip daddr @servers tcp dport 25 redirect to :10025
 }}
}}
"""


class World:
    def __init__(self, bin_folder, real):
        self.dir, self.source, self.real = DIR, bin_folder, real
        self.bin = DIR + "/bin"
        self.pki = mailservers.PolicyPki(DIR + "/pki")
        self.mail = mailservers.MailServers(DIR + "/pf-rcv", self.pki)
        self.background = Background(DIR + "/log")
        self.attacks = {}
        self.lock = threading.Lock()
        self.closed = False  # no host may come any more

    def up(self):
        self.clear()
        for folder in (DIR, DIR + "/log", self.bin):
            os.makedirs(folder, mode=0o755)
        self.copy_programs()
        self.pki.make()
        topology.up(list(ADDRESS.values()))
        tlsa = {name: self.pki.tlsa(name).strip() for name in ("mx", "wrong")}
        zones.start(self.background, DIR + "/dns", tlsa)
        policyhost.start(self.background, DIR + "/web", self.pki)
        self.mail.up()
        self.start_attacker()

    def copy_programs(self):
        """Where every user may run them: a build folder need not be open to all."""
        wanted = [f"{HERE}/standin.py", f"{HERE}/badreader.py"]
        if self.real:
            wanted += [path for p in host.PROGRAMS + host.TOOLS
                       if os.path.exists(path := f"{self.source}/{p}")]
        for path in wanted:
            shutil.copy(path, self.bin)
            os.chmod(f"{self.bin}/{os.path.basename(path)}", 0o755)
        # Where the sensor looks for its rules, beside its own folder.
        shutil.copytree(TOP + "/rules", DIR + "/share/mxwarden/rules")

    def units(self):
        if not self.real:
            return sorted(glob.glob(f"{HERE}/units/standin.*"))
        found = [p for name in host.PROGRAMS for kind in ("service", "socket")
                 for p in glob.glob(f"{TOP}/packaging/**/{name}*.{kind}", recursive=True)]
        if not found:
            raise Failure("the programs are there, their units in packaging/ are not")
        return sorted(found)

    def start_attacker(self):
        self.attacks = attacked()
        self.write_attacks()
        self.background.start("attacker", sys.executable, f"{HERE}/attacker.py", 10025,
                              DIR + "/attacks.json", self.pki.path("attacker.chain"),
                              ns=topology.RTR, ready="listening")
        elements = "elements = { " + ", ".join(self.attacks) + " }" if self.attacks else ""
        net.nft(ATTACK_TABLE.format(elements=elements))

    def write_attacks(self):
        with open(DIR + "/attacks.new", "w") as f:
            json.dump(self.attacks, f)
        os.rename(DIR + "/attacks.new", DIR + "/attacks.json")

    def attack(self, server, mode):
        """From now on the mail server of that name is attacked; with mode None no longer."""
        address = ADDRESS[server]
        with self.lock:
            known = address in self.attacks
            self.attacks.pop(address, None)
            if mode:
                self.attacks[address] = mode
            self.write_attacks()
            if known != bool(mode):
                verb = "add" if mode else "delete"
                net.nft(f"{verb} element inet attack servers {{ {address} }}\n")

    def down(self):
        # What runs in the namespaces goes with them; then our own children need only be buried.
        topology.remove_all()
        self.background.stop_all()
        self.clear()

    def clear(self):
        """Everything of this or an earlier run: processes, namespaces, mounts, files."""
        topology.remove_all()
        scratch.remove(DIR)
