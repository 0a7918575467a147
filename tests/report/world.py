"""The world around the host that reports: made once per run, removed on any exit.

    mxw-rtr: name server, mail server of all other domains, report host --h0-- mxw-rep
    203.0.113.53, .25, .80

Shares Names, Sink and the Postfix of the milter lab, which take their addresses from here.
"""
import base64
import gzip
import json
import os
import shutil
import socket
import ssl
import threading

import net
import outside
import scratch
import topology
from pki import P256, Pki
from procs import Background, Failure, run, wait_for
from programs import IDS, Units
from sendmail import TOP
from snippets import snippet
from topology import RTR, Inside, remove_host

DIR = "/run/mxw-report"
RELAY, RELAY6, RESOLVER, SINK = "203.0.113.10", "2001:db8:ff::10", "203.0.113.53", "203.0.113.25"
LINKS = "192.0.2.0/24"
RUA_HOST = "203.0.113.80"
CONTACT = "tls-reports@reports.test"
PROGRAMS = ("mxwarden-reportd", "mxwarden-policyd", "mxwarden")
UNITS = [f"{TOP}/packaging/systemd/mxwarden-{n}.service" for n in ("policyd", "reportd")]
SPOOL = "/var/spool/postfix"
SETTINGS = """[paths]
run = "{root}/run/mxwarden"
state = "{root}/var/lib/mxwarden"
operator = "{root}/var/lib/mxwarden/operator"

[resolver]
servers = ["{resolver}:53"]

[policyd]
feed_users = ["0", "{report}"]
ask_users = ["0", "{report}"]
ask_group = "{ask}"
operator_group = "{operator}"

[intake]
domains = ["ours.test", "example.net", "example.org", "example.com"]
"""


class ReportPki(Pki):
    def make(self):
        self.make_folder()
        self.root("root", "mxwarden report lab root")
        self.request("mx", "/O=mxwarden lab/CN=mx1.example.org", P256)
        self.sign("mx", "root", "subjectAltName=DNS:mx1.example.org\n", ["-days", "30"])
        self.bundle("mx", ["mx.key", "mx.pem", "root.pem"])
        self.leaf("host", "rua.test", issuer="root", names=["rua.test"])
        os.chmod(self.path("mx.key"), 0o600)


class Names(outside.Names):
    """Texts longer than a character-string, as keys are; names below `_domainkey` and `_smtp`."""

    def records(self, name, kind):
        if name in self.txt and len(self.txt[name]) > 255:
            text = self.txt[name].encode()
            pieces = [text[i:i + 255] for i in range(0, len(text), 255)]
            return [b"".join(bytes([len(p)]) + p for p in pieces)] if kind == outside.TXT else []
        return super().records(name, kind)


class Sink(outside.Sink):
    """Refuses recipients in `refused` for good."""

    refused = set()

    def command(self, file, line, recipients, peer):
        if line[:4].upper() == b"RCPT" and line[line.index(b"<") + 1:line.index(b">")].decode() in self.refused:
            file.write(b"550 5.1.1 no such mailbox\r\n")
            return True
        return super().command(file, line, recipients, peer)


class RuaHost:
    """HTTPS for rua.test: `posts` are (path, headers, body); `refuse`: path -> status."""

    def __init__(self, pki):
        self.posts, self.refuse = [], {}
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pki.path("host.chain"))
        with Inside(RTR):
            self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((RUA_HOST, 443))
        self.listener.listen(100)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(sock,), daemon=True).start()

    def answer(self, sock):
        sock.settimeout(10)
        try:
            with self.tls.wrap_socket(sock, server_side=True) as tls:
                data = b""
                while b"\r\n\r\n" not in data and (part := tls.recv(65536)):
                    data += part
                head, _, body = data.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
                while len(body) < int(headers.get("content-length", 0)) and (part := tls.recv(65536)):
                    body += part
                path = lines[0].split()[1]
                self.posts.append((path, headers, body))
                tls.sendall(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                            % self.refuse.get(path, 200))
        except OSError:
            pass  # it is the client's to say what went wrong

    def reports(self, path):
        return [json.loads(gzip.decompress(body)) for at, _, body in list(self.posts) if at == path]


class World:
    def __init__(self, bin_folder):
        self.dir, self.source, self.bin = DIR, bin_folder, DIR + "/bin"
        self.pki = ReportPki(DIR + "/pki")
        self.background = Background(DIR + "/log")
        self.closed = False
        self.names = self.sink = self.rua = None

    def up(self):
        self.clear()
        for folder in (DIR, DIR + "/log", self.bin):
            os.makedirs(folder, mode=0o755)
        self.pki.make()
        shutil.copy(self.pki.path("root.pem"), DIR + "/ca.pem")
        topology.add(RTR)
        for address in (RELAY, RESOLVER, SINK, RUA_HOST):
            run("ip", "-n", RTR, "addr", "add", address, "dev", "lo")
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", ns=RTR)
        for path in (*(f"{self.source}/{p}" for p in PROGRAMS), self.source + "/../tests/support/report_shift"):
            if os.path.exists(path):
                shutil.copy(path, self.bin)
                os.chmod(f"{self.bin}/{os.path.basename(path)}", 0o755)
        self.names, self.sink = Names(RTR, RESOLVER, SINK), Sink(RTR)
        self.names.addresses["rua.test"] = [RUA_HOST]
        self.make_keys()
        self.rua = RuaHost(self.pki)

    def down(self):
        topology.remove_all()
        self.background.stop_all()
        self.clear()

    def clear(self):
        topology.remove_all()
        scratch.remove(DIR)

    def make_keys(self):
        """By the documented commands, one set for all hosts; the records are published."""
        self.keys = DIR + "/keys"
        os.makedirs(self.keys)
        command = snippet("tlsrpt.md", "sh dkim").replace("/etc/mxwarden", self.keys)
        run("sh", "-ec", command.replace("root:mxw-report", f"0:{IDS['mxw-report']}"))
        for name, kind, tail in (("rsa", "rsa", None), ("ed25519", "ed25519", -32)):
            der = base64.b64decode(run("sh", "-c", f"openssl pkey -in {self.keys}/tlsrpt-{name}.pem -pubout "
                                       "-outform der | openssl base64 -A"))
            selector = "tlsrpt-ed" if name == "ed25519" else "tlsrpt-rsa"
            self.names.txt[f"{selector}._domainkey.reports.test"] = (
                f"v=DKIM1; k={kind}; s=tlsrpt; p=" + base64.b64encode(der[tail:] if tail else der).decode())

    def asks(self, domain, *rua):
        """The domain asks for reports from now on."""
        self.names.txt["_smtp._tls." + domain] = "v=TLSRPTv1; rua=" + ",".join(rua)


class Host(Units):
    """A host with Postfix, policyd and reportd, by the documented lines as they stand."""

    def __init__(self, world, name):
        super().__init__(name, "mxw-" + name, f"{world.dir}/{name}")
        self.world, self.first = world, None
        from mta import PostfixServer
        self.server = PostfixServer(self.dir + "/mta", self.ns)
        self.queue = self.server.dir + "/queue"

    def up(self, settings="", main=(), units=True):
        self.first = topology.add_host(self.ns)
        net.etc_file(self.ns, "resolv.conf", f"nameserver {RESOLVER}\n")
        net.etc_file(self.ns, "hosts", f"127.0.0.1 localhost\n{self.first} mx1.example.org mx1\n")
        for folder in ("run/mxwarden", "var/lib/mxwarden/operator/domain"):
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
        command = snippet("tlsrpt.md", "sh tlsrpt").replace("mxw-report -g", f"{IDS['mxw-report']} -g")
        os.makedirs(self.queue, exist_ok=True)
        run("sh", "-ec", command.replace(SPOOL, self.queue))
        self.write_settings(settings)
        self.up_postfix(dict(main))
        if units:
            self.start()
        return self

    def write_settings(self, settings):
        text = SETTINGS.format(root=self.root, resolver=RESOLVER, report=IDS["mxw-report"],
                               ask=IDS["mxw-ask"], operator=IDS["mxw-op"])
        text += snippet("tlsrpt.md", "mxwarden.toml source").replace(SPOOL, self.queue)
        self.write_file("etc/mxwarden/mxwarden.toml", text + settings)

    def sends(self, more=""):
        """Settings that send: the documented ones, at once."""
        text = snippet("tlsrpt.md", "mxwarden.toml send").replace("/etc/mxwarden/tlsrpt", self.world.keys + "/tlsrpt")
        text = text.replace("reports.example.net", "reports.test")
        return text.replace("enabled = true", "enabled = true\ndelay_s = 0\nhttps_allow = [\"203.0.113.0/24\"]\n"
                            f"https_ca_file = \"{self.world.dir}/ca.pem\"\n" + more)

    def up_postfix(self, more):
        lines = dict(line.split(" = ", 1) for line in snippet("tlsrpt.md", "main.cf report").splitlines())
        maps = {"senders": self.server.etc + "/senders", "recipients": self.server.etc + "/recipients"}
        os.makedirs(self.server.etc, exist_ok=True)
        for name, path in maps.items():
            with open(path, "w") as f:
                f.write(snippet("tlsrpt.md", "regexp " + name).replace(r"reports\.example\.net", r"reports\.test"))
        lines["sender_dependent_default_transport_maps"] = "regexp:" + maps["senders"]
        lines["transport_maps"] = "regexp:" + maps["recipients"]
        lines["relay_domains"] = "reports.test"
        self.server.configure(self.world, [self.first], {**lines, **more},
                              snippet("tlsrpt.md", "master.cf report"), stock=True)

    def start(self):
        self.launch(self.world.background, self.world.bin, UNITS, ["mxwarden-policyd", "mxwarden-reportd"])

    def down(self):
        self.end_units()
        remove_host(self.ns, self.first)
        scratch.unmount(self.dir)

    def tool(self, *arguments, check=True):
        return run(self.world.bin + "/mxwarden", "report", *arguments, "--config",
                   self.root + "/etc/mxwarden/mxwarden.toml", check=check)

    @property
    def datagrams(self):
        return self.queue + "/mxwarden-report/tlsrpt.sock"

    @property
    def store(self):
        return self.state_folder("reportd") + "/report.db"

    def as_yesterday(self, day, settings):
        """What was counted today was counted yesterday; reportd starts anew with these settings."""
        unit = "mxwarden-reportd.service"
        self.stop(unit)
        moved = self.store + ".moved"
        run("setpriv", f"--reuid={IDS['mxw-report']}", f"--regid={IDS['mxw-report']}", "--clear-groups",
            self.world.bin + "/report_shift", self.store, moved, day, 1)
        for end in ("", "-wal", "-shm"):
            if os.path.exists(self.store + end):
                os.remove(self.store + end)
            if os.path.exists(moved + end):
                os.rename(moved + end, self.store + end)
        self.write_settings(settings)
        self.begin(unit)

    def wait_metric(self, name, at_least, seconds=30):
        wait_for(lambda: self.metric(name) >= at_least, f"{name} to be {at_least}", seconds)

    def metric(self, name):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.root + "/run/mxwarden/reportd/metrics.sock")
            sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = sock.makefile().read()
        for line in text.split("\n"):
            head, _, number = line.rpartition(" ")
            if head.replace('program="reportd",', "").replace(',program="reportd"', "") == name:
                return float(number)
        raise Failure(f"no metric {name}")
