"""What the milter is told: by a real mxwarden-policyd that fetches policies of the lab, and by a program that
serves prepared verdicts as the sensor will."""
import json
import os
import socket
import ssl
import subprocess
import threading
import time

from procs import Failure
from programs import IDS, Units
from sendmail import TOP
from topology import RTR, Inside
from world import POLICY_HOST, RESOLVER

CONFIG = """[paths]
run = "{root}/run/mxwarden"
state = "{root}/var/lib/mxwarden"
operator = "{root}/var/lib/mxwarden/operator"

[resolver]
servers = ["{resolver}:53"]

[fetch]
ca_file = "{ca}"
allow = ["203.0.113.0/24"]

[policyd]
feed_users = ["0", "{milter}"]
ask_users = ["0", "{milter}"]
ask_group = "{ask}"
operator_group = "{operator}"
"""
POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: mx.{domain}\r\nmax_age: 604800\r\n{extra}"
UNIT = "mxwarden-policyd.service"


class PolicyHost:
    """HTTPS for mta-sts.DOMAIN. `modes`: domain -> mode, others are not found; `extra`: further lines."""

    def __init__(self, pki):
        self.modes, self.extra, self.asked = {}, {}, []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pki.path("host.chain"))
        with Inside(RTR):
            self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((POLICY_HOST, 443))
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
                head = b""
                while b"\r\n\r\n" not in head and (part := tls.recv(4096)):
                    head += part
                host = next(line.split(b":", 1)[1].strip().decode() for line in head.split(b"\r\n")
                            if line.lower().startswith(b"host:"))
                domain = host.removeprefix("mta-sts.")
                self.asked.append(domain)
                mode = self.modes.get(domain)
                body = POLICY.format(mode=mode, domain=domain,
                                     extra=self.extra.get(domain, "")).encode() if mode else b""
                tls.sendall(b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                            b"Content-Length: %d\r\n\r\n" % (b"200 OK" if mode else b"404 Not Found",
                                                           len(body)) + body)
        except (OSError, StopIteration):
            pass  # it is the client's to say what went wrong


class Knowledge:
    """policyd and the verdict feed, below one folder; hosts are linked to their sockets."""

    def __init__(self, world, name):
        self.world = world
        self.units = Units(name, RTR, f"{world.dir}/{name}")
        self.run = self.units.root + "/run/mxwarden"
        self.feed = None
        self.serial = 0
        self.lock = threading.Lock()

    def up(self):
        self.units.write_file("etc/mxwarden/mxwarden.toml", CONFIG.format(
            root=self.units.root, resolver=RESOLVER, ca=self.world.dir + "/ca.pem",
            milter=IDS["mxw-milter"], ask=IDS["mxw-ask"], operator=IDS["mxw-op"]))
        folder = self.units.state_folder("operator")
        os.makedirs(folder + "/domain")
        os.makedirs(self.run + "/sensor")
        self.units.launch(self.world.background, self.world.bin,
                          [f"{TOP}/packaging/systemd/{UNIT}"], ["mxwarden-policyd"])
        self.start_feed()
        return self

    def start_feed(self):
        if not os.path.exists(self.world.bin + "/verdict_feed"):
            return  # the cases that need it wait
        self.feed = subprocess.Popen([self.world.bin + "/verdict_feed", self.run + "/sensor/feed.sock"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.world.children.append(self.feed)

    def stop_feed(self):
        self.feed.kill()
        self.feed.wait()

    def tell(self, command):
        with self.lock:
            self.feed.stdin.write(json.dumps(command) + "\n")
            self.feed.stdin.flush()
            answer = self.feed.stdout.readline().strip()
        if answer != "ok":
            raise Failure(f"verdict_feed: {answer!r} to {command}")

    # -- policies ---------------------------------------------------------------------------

    def publish(self, domain, mode="enforce"):
        """The domain has a policy from now on, and policyd knows it and its routes."""
        self.world.policies.modes[domain] = mode
        self.world.names.txt["_mta-sts." + domain] = "v=STSv1; id=1;"
        answer = self.ask(domain)
        if answer.get("state") != "policy":
            raise Failure(f"policyd on {domain}: {answer}; {self.units.last_words()}")
        return domain

    def ask(self, domain):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.settimeout(15)
            sock.connect(self.run + "/policyd/ask.sock")
            sock.send(json.dumps({"v": 1, "id": 1, "op": "want", "domain": domain}).encode())
            return json.loads(sock.recv(65536))

    # -- verdicts ---------------------------------------------------------------------------

    def verdict(self, mx_ip, rule="R02", seconds=60, count=2, **members):
        """An active verdict about the path to one address; gives its id."""
        with self.lock:
            self.serial += 1
            name = f"v{self.serial}"
        path = {"mx_ip": mx_ip} if mx_ip else {}
        self.tell({"put": {"id": name, "rule": rule, "subject": "path", **path, "count": count,
                           "ttl_s": seconds, **members}})
        return name

    def session_verdict(self, client, server, rule="R13"):
        """About one connection that just began; ends are (address, port)."""
        return self.verdict(None, rule, subject="session", client_ip=client[0], client_port=client[1],
                            server_ip=server[0], server_port=server[1],
                            start=int((time.time() - 0.2) * 1e9), count=1)

    def clear(self, name):
        self.tell({"clear": name})

