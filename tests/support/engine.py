"""mxwarden-policyd and mxwarden-map as benchmarks run them: with a DNS server on loopback that denies every name,
so that each domain is known either by an imported policy or as one without."""
import json
import multiprocessing
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

WINDOW = 1_000  # questions in flight: of one peer policyd takes 1,024

SETTINGS = """[paths]
run = "{home}/run"
state = "{home}/state"
operator = "{home}/operator"
[log]
level = "error"
[resolver]
servers = ["127.0.0.1:{dns}"]
[map]
listen = ["inet:127.0.0.1:{port}"]
enforcement = "enforce"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


def deny(sock):
    """Every name is NXDOMAIN, with the SOA that lets it be remembered."""
    soa = b"\0\0\x06\0\1\0\0\x0e\x10\0\x16\0\0" + struct.pack("!5I", 1, 3600, 600, 86400, 3600)
    while True:
        query, peer = sock.recvfrom(1500)
        end = query.index(b"\0", 12) + 5
        head = query[:2] + b"\x81\x83\0\1\0\0\0\1\0\0"
        sock.sendto(head + query[12:end] + soa, peer)


class Asker:
    """Asks policyd for domains with a window of questions that wait; `state(i)` is what domain i must be."""

    def __init__(self, path, domain, state):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        end = time.monotonic() + 30
        while self.sock.connect_ex(str(path)) != 0:
            if time.monotonic() > end:
                raise SystemExit(f"{path} does not answer")
            time.sleep(0.05)
        self.domain, self.state = domain, state
        self.asked, self.answered = 0, 0

    def run_to(self, count):
        while self.answered < count:
            while self.asked < count and self.asked - self.answered < WINDOW:
                self.sock.send(b'{"v":1,"id":%d,"op":"want","domain":"%s"}' %
                               (self.asked, self.domain(self.asked).encode()))
                self.asked += 1
            select.select([self.sock], [], [], 30)
            while True:
                try:
                    answer = json.loads(self.sock.recv(65536, socket.MSG_DONTWAIT))
                except BlockingIOError:
                    break
                if answer["state"] != self.state(answer["id"]):
                    raise SystemExit(f"unexpected answer: {answer}")
                self.answered += 1


class Engine:
    """Both programs and the DNS server, from start to end. `policies`: names of domains with a policy."""

    def __init__(self, programs, policies):
        self.bin, self.policies, self.children = programs, policies, []
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="mxw-engine-"))
        self.port = free_port()

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        dns.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        dns.bind(("127.0.0.1", 0))
        self.dns = multiprocessing.Process(target=deny, args=(dns,), daemon=True)
        self.dns.start()
        config = self.home / "mxwarden.toml"
        config.write_text(SETTINGS.format(home=self.home, dns=dns.getsockname()[1], port=self.port))
        for name in ("run", "state/policyd", "state/map", "operator", "policies"):
            (self.home / name).mkdir(parents=True)
        for name in self.policies:
            (self.home / "policies" / (name + ".txt")).write_text(
                f"version: STSv1\nmode: enforce\nmx: mx.{name}\nmax_age: 604800\n")
        subprocess.run([self.bin / "mxwarden-policyd", "--config", config, "--import",
                        self.home / "policies"], check=True, stdout=subprocess.DEVNULL)
        self.policyd, self.map = (self.start(name, config) for name in ("mxwarden-policyd", "mxwarden-map"))
        await_port(self.port)

    def start(self, name, config):
        child = subprocess.Popen([self.bin / name, "--config", config])
        self.children.append(child)
        return child

    def asker(self, domain, state):
        return Asker(self.home / "run/policyd/ask.sock", domain, state)

    def __exit__(self, *_):
        for child in self.children:
            child.send_signal(signal.SIGTERM)
        for child in self.children:
            child.wait(20)
        self.dns.terminate()
        shutil.rmtree(self.home, ignore_errors=True)
