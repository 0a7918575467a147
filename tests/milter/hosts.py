"""A host with one mail server and our milter, by the documented lines as they stand."""
import json
import os
import re
import socket
import sqlite3

import scratch
from mta import PostfixServer, SendmailServer
from procs import Failure, run, wait_for
from programs import IDS, Units
from promise import Wrong
from sendmail import TOP
from smtp import Smtp
from snippets import main_cf, snippet
from topology import remove_host
from world import LINKS, RELAY, RELAY6

UNIT = "mxwarden-milter.service"
SPOOL = "/var/spool/postfix"
PATHS = """[paths]
run = "{root}/run/mxwarden"
state = "{root}/var/lib/mxwarden"
operator = "{root}/var/lib/mxwarden/operator"

"""
# What most hosts have: the relay's clients are known, and nothing else differs from what is shipped.
RELAYS = f'trusted_networks = ["{RELAY}", "{RELAY6}", "{LINKS}"]\n'
DEFERS = RELAYS + f"""
[milter.defer]
peers = ["{RELAY}", "{LINKS}"]
domains = ["*"]
max_share = 100
"""


class Host(Units):
    """`knowledge` is what its milter is told; None: nothing, nobody is there."""

    def __init__(self, world, name, mta="postfix", knowledge=None):
        super().__init__(name, "mxw-" + name, f"{world.dir}/{name}")
        self.world, self.mta, self.knowledge = world, mta, knowledge
        self.server = (PostfixServer if mta == "postfix" else SendmailServer)(self.dir + "/mta", self.ns)
        self.first = None

    def up(self, settings=RELAYS, state_size="", milters="main.cf milter", services="", units=True,
           more=lambda host: ""):
        """`settings` follow in table [milter]; with `state_size` the state is on a file system of that
        size; `more` gives further lines of sendmail.mc."""
        self.first, self.second, self.six = self.world.add_host(self.ns)
        self.address = self.first if self.mta == "postfix" else self.second
        if state_size:
            scratch.mount_small(self.root + "/var/lib/mxwarden", state_size)
        self.prepare()
        self.write_settings(settings)
        if self.mta == "postfix":
            self.up_postfix(milters, services)
        else:
            lines = snippet("sendmail.md", "sendmail.mc milter") + more(self)
            self.server.configure(self.world, self.second,
                                  lines.replace("/run/mxwarden", self.root + "/run/mxwarden"))
        if units:
            self.start()
        return self

    def prepare(self):
        """Folders, and the way to who tells the milter."""
        for folder in ("run/mxwarden", "var/lib/mxwarden/operator/domain"):
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
        for folder in ("", "/domain"):
            os.chown(f"{self.state_folder('operator')}{folder}", 0, IDS["mxw-op"])
            os.chmod(f"{self.state_folder('operator')}{folder}", 0o2775)
        if self.knowledge:
            for name in ("policyd", "sensor"):
                os.symlink(f"{self.knowledge.run}/{name}", f"{self.root}/run/mxwarden/{name}")

    def write_settings(self, settings):
        head = f'[milter]\nsocket = "local:{self.socket}"\n'
        if self.mta == "postfix":
            head = snippet("postfix.md", "mxwarden.toml milter").replace(SPOOL, self.server.dir + "/queue")
        page = self.mta + ".md"
        self.write_file("etc/mxwarden/mxwarden.toml", PATHS.format(root=self.root) + head
                        + snippet(page, "mxwarden.toml roles") + settings)

    def up_postfix(self, milters, services):
        self.make_socket_folder()
        self.server.configure(self.world, [self.first, f"[{self.six}]"], main_cf(milters),
                              snippet("postfix.md", "master.cf milter")
                              + services.format(address=self.first), stock=True)

    def make_socket_folder(self):
        """The documented command, with the numeric user of the lab."""
        command = snippet("postfix.md", "sh milter").replace("mxw-milter", str(IDS["mxw-milter"]))
        os.makedirs(self.server.dir + "/queue", exist_ok=True)
        run("sh", "-ec", command.replace(SPOOL, self.server.dir + "/queue"))

    def start(self):
        self.launch(self.world.background, self.world.bin, [f"{TOP}/packaging/systemd/{UNIT}"],
                    ["mxwarden-milter"])

    def down(self):
        self.end_units()
        remove_host(self.ns, self.first)
        scratch.unmount(self.dir)

    def reload(self, settings):
        self.write_settings(settings)
        self.tell("reload " + UNIT)

    def set(self, *lines):
        """Change main.cf."""
        run("postconf", "-c", self.server.etc, "-e", *lines)
        run("postfix", "-c", self.server.etc, "reload", ns=self.ns)

    def tool(self, *arguments, check=True):
        return run(self.world.bin + "/mxwarden", *arguments, "--config",
                   self.root + "/etc/mxwarden/mxwarden.toml", check=check)

    @property
    def socket(self):
        return (f"{self.server.dir}/queue/mxwarden" if self.mta == "postfix"
                else f"{self.root}/run/mxwarden/milter") + "/milter.sock"

    @property
    def pid(self):
        return self.state(UNIT)["pid"]

    # -- mail -------------------------------------------------------------------------------

    def client(self, port=25, **how):
        return Smtp(self.address, port, **{"source": RELAY, **how})

    def relay(self, *recipients, sender="correspondent@example.com", headers=("Subject: lab",)):
        """One mail from the relay's client; replies to MAIL, each RCPT and the message."""
        with self.client() as s:
            s.ehlo()
            return s.mail(sender, *recipients, headers=headers)

    def rcpt(self, recipient, sender="correspondent@example.com", **how):
        """The reply to one RCPT; there is no mail."""
        with self.client(**how) as s:
            s.ehlo()
            s.need(f"MAIL FROM:<{sender}>")
            return s.say(f"RCPT TO:<{recipient}>")

    def flows(self, *recipients, within=30, **how):
        """One mail to each, all taken and delivered."""
        for recipient in recipients:
            replies = self.relay(recipient, **how)
            if [r[:3] for r in replies] != ["250"] * 3:
                raise Wrong(f"{self.name}: {recipient}: {replies}", self.last_words())
        for recipient in recipients:
            self.world.sink.wait(recipient, within)

    def arrived(self, mark, seconds=30):
        """Text of a mail for example.org that has the mark."""
        if self.mta == "postfix":
            return self.server.wait_delivered(mark, seconds)

        def found():
            return [text for _, text, client in list(self.world.sink.mails)
                    if mark in text and client in (self.first, self.second)]
        wait_for(found, f"mail with '{mark}' from {self.name}", seconds)
        return found()[0]

    # -- what the milter says ---------------------------------------------------------------

    def knows(self, domain, state, seconds=10):
        """Waits until the milter sees the paths of a domain in this state: by mail to it."""
        def look():
            self.rcpt(f"probe@{domain}", sender="")  # a null sender is never deferred
            found = [e for e in self.events("decision") if e.get("domain") == domain]
            return found and found[-1].get("path") == state
        wait_for(look, f"{self.name} to see {domain} {state}", seconds)

    def events(self, kind=None):
        """Members `milter` of the events, in order."""
        try:
            with open(self.state_folder("milter") + "/milter.json") as f:
                found = [json.loads(line)["milter"] for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []
        return [e for e in found if kind in (None, e["kind"])]

    def decisions(self, domain, count=1, seconds=10):
        """The latest decisions about a domain, once there are so many."""
        def found():
            return [e for e in self.events("decision") if e.get("domain") == domain]
        wait_for(lambda: len(found()) >= count, f"{count} decisions about {domain}", seconds)
        return found()[-count:]

    def metric(self, name, label=""):
        """The sum of the samples of that name whose labels have `label`."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.root + "/run/mxwarden/milter/metrics.sock")
            sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = sock.makefile().read()
        found = re.findall(rf"^mxwarden_milter_{name}\{{(.*)\}} (\S+)", text, re.M)
        if not found:
            raise Failure(f"no metric {name}")
        return int(sum(float(value) for labels, value in found if label in labels))

    def connections(self):
        """Conversations that the milter has open."""
        return self.metric("connections")

    def store(self):
        return self.state_folder("milter") + "/milter.db"

    def no_local_part(self, *names):
        """No file of ours has one of these words."""
        for top in (self.state_folder("milter"), self.root + "/log"):
            for folder, _, files in os.walk(top):
                for file in files:
                    with open(f"{folder}/{file}", "rb") as f:
                        data = f.read()
                    for name in names:
                        if name.encode() in data:
                            raise Failure(f"{file} has the local part '{name}'")

    def lock_store(self):
        """Another process that does not let go of it."""
        held = sqlite3.connect(self.store(), isolation_level=None, check_same_thread=False)
        held.execute("begin exclusive")
        return held


def deferred(what, reply, code):
    if not re.match(rf"451 {re.escape(code)} ", reply):
        raise Wrong(f"{what}: '{reply}', not 451 {code}")


def taken(what, reply):
    if not reply.startswith("250"):
        raise Wrong(f"{what}: '{reply}', not 250")
