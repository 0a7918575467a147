"""A raw SMTP client: every reply as it came, TLS when asked for, and gone when told to be."""
import base64
import socket
import ssl
import struct

from procs import Failure
from topology import Inside

OUTSIDE = "mxw-rtr"  # the namespace of all clients


def tls_context(chain=None):
    """No check of the server; with `chain`, key and certificate of the client."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if chain:
        context.load_cert_chain(chain)
    return context


class Smtp:
    """One connection. `banner` and what `say` gives are replies, their lines joined by `|`."""

    def __init__(self, address, port=25, source=None, implicit=None, ns=OUTSIDE, seconds=30):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with Inside(ns):
            self.sock = socket.socket(family)
        self.sock.settimeout(seconds)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((address, port))
        self.port = self.sock.getsockname()[1]
        if implicit:
            self.sock = implicit.wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")
        self.banner = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def reply(self):
        """Empty when the server closed."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionError:
                line = b""
            if not line:
                return "|".join(lines)
            lines.append(line.rstrip(b"\r\n").decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return "|".join(lines)

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def say(self, line):
        try:
            self.send(line + "\r\n")
        except ConnectionError:
            return ""
        return self.reply()

    def need(self, line, code="2"):
        """Say it; any other reply than one that begins so is a failure."""
        reply = self.say(line)
        if not reply.startswith(code):
            raise Failure(f"'{line}' was answered '{reply}'")
        return reply

    def ehlo(self, name="client.example.com"):
        return self.need("EHLO " + name)

    def starttls(self, context=None):
        """And greet again."""
        self.need("STARTTLS", "220")
        self.sock = (context or tls_context()).wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")
        return self.ehlo()

    def login(self, user, password):
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.need("AUTH PLAIN " + token, "235")

    def body(self, *headers, text="One line."):
        """DATA and what follows; the reply to DATA if that is no 354, else to the last dot."""
        go = self.say("DATA")
        if not go.startswith("354"):
            return go
        self.send("\r\n".join([*headers, "", text, ".", ""]))
        return self.reply()

    def mail(self, sender, *recipients, headers=(), options=""):
        """One transaction; replies to MAIL, each RCPT and the message."""
        replies = [self.say(f"MAIL FROM:<{sender}>{options}")]
        replies += [self.say(f"RCPT TO:<{r}>") for r in recipients]
        return [*replies, self.body(*headers)]

    def close(self):
        try:
            self.say("QUIT")
        except (OSError, ValueError):
            pass
        self.drop()

    def drop(self, reset=False):
        """Gone without a word; with `reset` by RST."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.file.close()
        self.sock.close()
