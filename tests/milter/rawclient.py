"""The MTA's side of the milter protocol by hand: for what no mail server does."""
import socket
import struct

OFFER = struct.pack(">III", 6, 0x1ff, 0x1fffff)


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


def macros(stage, **values):
    """Names of more than one letter are written in braces."""
    text = b"".join((name if len(name) == 1 else "{" + name + "}").encode() + b"\0" + value.encode() + b"\0"
                    for name, value in values.items())
    return packet(b"D", stage + text)


class RawClient:
    """One connection to a milter at a unix path. `steps` is what it asked for, once negotiated."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")
        self.steps = 0

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """(command, data); None at the end."""
        head = self.file.read(4)
        if len(head) < 4:
            return None
        body = self.file.read(struct.unpack(">I", head)[0])
        return body[:1], body[1:]

    def ask(self, data):
        self.send(data)
        return self.receive()

    def negotiate(self):
        answer = self.ask(packet(b"O", OFFER))
        self.steps = struct.unpack(">I", answer[1][8:12])[0]
        return answer

    def close(self):
        self.file.close()
        self.sock.close()


def session(recipient):
    """Packets of one mail, stage by stage."""
    return [macros(b"C", j="mx1.example.org", daemon_port="25", client_addr="203.0.113.10")
            + packet(b"C", b"client.example.com\x004\x30\x39203.0.113.10\0"),
            packet(b"H", b"client.example.com\0"),
            packet(b"M", b"<a@example.com>\0SIZE=100\0"),
            macros(b"R", rcpt_mailer="smtp", rcpt_host=recipient.split("@")[1], rcpt_addr=recipient)
            + packet(b"R", f"<{recipient}>\0".encode()),
            packet(b"T"),
            packet(b"L", b"Subject\0 x\0"),
            packet(b"E")]
