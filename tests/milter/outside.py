"""The world outside, in one namespace: a name server that knows every *.test, and a mail server that
takes everything and keeps it."""
import socket
import struct
import threading

from procs import Failure, wait_for
from topology import Inside

A, NS, SOA, MX, TXT, AAAA = 1, 2, 6, 15, 16, 28


class Names:
    """DNS over UDP: a domain below `test` has the MX `mx.DOMAIN` and its address; the tables add to that.

    `txt`: name -> text; `mx`: domain -> [(preference, host)]; `addresses`: host -> [address].
    """

    def __init__(self, ns, address, sink):
        self.sink, self.txt, self.mx, self.addresses = sink, {}, {}, {}
        with Inside(ns):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            try:
                self.sock.sendto(self.answer(query), peer)
            except (IndexError, struct.error, UnicodeDecodeError):
                pass  # not a question

    def answer(self, query):
        end = query.index(b"\0", 12) + 5
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode("ascii").lower())
            at += 1 + query[at]
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        records = self.records(".".join(name), kind)
        code = 3 if records is None else 0
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records or ()), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(r)) + r
                        for r in records or ())
        return head + query[12:end] + body

    def records(self, name, kind):
        """Data of the records; None: there is no such name."""
        if name in self.txt:
            text = self.txt[name].encode()
            return [bytes([len(text)]) + text] if kind == TXT else []
        if name.startswith("_") or not name.endswith(".test"):
            return None
        if kind == A:
            return [socket.inet_aton(a) for a in self.addresses.get(name, [self.sink])]
        if kind == MX:
            return [struct.pack(">H", p) + wire(h)
                    for p, h in self.mx.get(name, [(10, "mx." + name)])]
        return []


def wire(host):
    return b"".join(bytes([len(p)]) + p.encode() for p in host.split(".")) + b"\0"


class Sink:
    """An SMTP server at every address that takes everything: `mails` are (recipients, text, client)."""

    def __init__(self, ns, port=25):
        self.mails = []
        with Inside(ns):
            self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(200)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            sock, peer = self.listener.accept()
            threading.Thread(target=self.converse, args=(sock, peer[0]), daemon=True).start()

    def converse(self, sock, peer):
        sock.settimeout(60)
        try:
            with sock, sock.makefile("rwb") as file:
                file.write(b"220 sink.test ESMTP\r\n")
                file.flush()
                recipients = []
                while self.command(file, file.readline(), recipients, peer):
                    file.flush()
        except OSError:
            pass  # the client went

    def command(self, file, line, recipients, peer):
        verb = line[:4].upper()
        if verb == b"RCPT":
            recipients.append(line[line.index(b"<") + 1:line.index(b">")].decode())
        if verb == b"DATA":
            file.write(b"354 go on\r\n")
            file.flush()
            lines = []
            while (part := file.readline()) not in (b".\r\n", b""):
                lines.append(part[1:] if part.startswith(b"..") else part)
            text = b"".join(lines).decode("utf-8", "replace")
            self.mails.append((tuple(recipients), text, peer))
            recipients.clear()
        file.write(b"250-sink.test\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n" if verb == b"EHLO" else b"250 2.0.0 ok\r\n")
        if verb == b"QUIT":
            file.flush()
        return bool(line) and verb != b"QUIT"

    def found(self, recipient):
        return [text for recipients, text, _ in list(self.mails) if recipient in recipients]

    def wait(self, recipient, seconds=30):
        """The text of the mail to that recipient, when it has come."""
        wait_for(lambda: self.found(recipient), f"mail to {recipient}", seconds)
        return self.found(recipient)[0]

    def absent(self, recipient):
        if self.found(recipient):
            raise Failure(f"mail to {recipient} was delivered")
