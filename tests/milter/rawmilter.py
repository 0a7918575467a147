"""The milter's side of the milter protocol, without libmilter: notes every packet as the MTA sends it
and answers what a script says.

The packets are those of Sendmail's libmilter/mfdef.h: length, command, data. Commands have letters;
an answer is a letter, and `y` carries the text of an SMTP reply.
"""
import contextlib
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from procs import wait_for

COMMANDS = {"O": "OPTNEG", "D": "MACRO", "C": "CONNECT", "H": "HELO", "M": "MAIL", "R": "RCPT",
            "T": "DATA", "L": "HEADER", "N": "EOH", "B": "BODY", "E": "EOM", "A": "ABORT",
            "Q": "QUIT", "K": "QUIT_NC", "U": "UNKNOWN"}
ANSWERS = {"accept": b"a", "continue": b"c", "tempfail": b"t", "reject": b"r", "discard": b"d",
           "shutdown": b"4", "connfail": b"f"}
STAGES = ("CONNECT", "HELO", "MAIL", "RCPT", "DATA", "EOM", "EOH")  # numbers of SMFIM_*
NOHELO, RCPT_REJ = 0x2, 0x800  # SMFIP_NOHELO, SMFIP_RCPT_REJ
SILENT = ("A", "K", "Q", "D")


@dataclass
class Script:
    """What the milter does. `answers`: stage -> [(text in the packet, answer)], first fit; an answer is
    a word of ANSWERS, `gone` (the connection is closed) or the text of a reply."""
    answers: dict = field(default_factory=dict)
    ask: dict = field(default_factory=dict)    # stage -> macros, as smfi_setsymlist does
    steps: int = 0                             # SMFIP_*
    edits: list = field(default_factory=list)  # at end of message: packets as octets


@dataclass
class Talk:
    """One connection of an MTA: `packets` are (name, data), of MACRO the data is (stage, dict)."""
    packets: list = field(default_factory=list)
    offer: tuple = ()  # version, actions, steps
    closed: bool = False

    def names(self, *which):
        return [n for n, _ in self.packets if n in which]

    def macros(self, stage, number=0):
        """Those sent ahead of the packet `number` of this stage; None: none were."""
        found, pending = [], None
        for name, data in self.packets:
            if name == "MACRO" and data[0] == stage:
                pending = data[1]
            elif name == stage:
                found.append(pending)
                pending = None
        return found[number]

    def data(self, stage, number=0):
        return [d for n, d in self.packets if n == stage][number]


def header_insert(index, name, value):
    return b"i" + struct.pack(">I", index) + name.encode() + b"\0" + value.encode() + b"\0"


def header_add(name, value):
    return b"h" + name.encode() + b"\0" + value.encode() + b"\0"


def header_change(index, name, value):
    return b"m" + struct.pack(">I", index) + name.encode() + b"\0" + value.encode() + b"\0"


def quarantine(reason):
    return b"q" + reason.encode() + b"\0"


def macro_packet(data):
    words = data[1:].split(b"\0")
    if words and not words[-1]:
        words.pop()
    words = [w.decode("utf-8", "replace") for w in words]
    if len(words) % 2:
        words.append("")
    return COMMANDS[chr(data[0])], dict(zip(words[::2], words[1::2]))


class RawMilter:
    """Listens at a unix path; one script at a time, so cases that play one wait for each other."""

    def __init__(self, path):
        self.path, self.script, self.talks = path, Script(), []
        self.turn = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(50)
        threading.Thread(target=self.serve, daemon=True).start()

    @contextlib.contextmanager
    def playing(self, **script):
        """Gives the list of conversations begun since; afterwards they are over."""
        with self.turn:
            self.script, self.talks = Script(**script), []
            talks = self.talks
            yield talks
            wait_for(lambda: all(t.closed for t in talks), "the MTA to end its conversation", 5)

    def serve(self):
        while True:
            sock, _ = self.listener.accept()
            talk = Talk()
            self.talks.append(talk)
            threading.Thread(target=self.converse, args=(sock, talk, self.script),
                             daemon=True).start()

    def converse(self, sock, talk, script):
        with sock, sock.makefile("rb") as file:
            try:
                while self.packet(sock, file, talk, script):
                    pass
            except (OSError, EOFError, struct.error):
                pass
        talk.closed = True

    def packet(self, sock, file, talk, script):
        """One packet; false at the end."""
        length, = struct.unpack(">I", file.read(4))
        packet = file.read(length)
        letter, data = chr(packet[0]), packet[1:]
        if letter == "O":
            talk.offer = struct.unpack(">III", data[:12])
            self.send(sock, b"O" + self.agree(talk.offer, script))
            return True
        name = COMMANDS.get(letter, letter)
        talk.packets.append((name, macro_packet(data) if letter == "D" else data))
        if letter in SILENT:
            return letter != "Q"
        if letter == "E":
            for edit in script.edits:
                self.send(sock, edit)
        answer = next((a for text, a in script.answers.get(name, []) if text.encode() in data),
                      "continue")
        if answer == "gone":
            return False
        self.send(sock, ANSWERS.get(answer) or b"y" + answer.encode() + b"\0")
        return True

    @staticmethod
    def agree(offer, script):
        words = struct.pack(">III", min(offer[0], 6), offer[1], script.steps & offer[2])
        for stage, names in script.ask.items():
            words += struct.pack(">I", STAGES.index(stage)) + names.encode() + b"\0"
        return words

    @staticmethod
    def send(sock, packet):
        sock.sendall(struct.pack(">I", len(packet)) + packet)


def only(talks, seconds=5):
    """The one conversation; waits until the MTA ended it."""
    wait_for(lambda: talks and all(t.closed for t in talks), "the MTA to end its conversation",
             seconds)
    assert len(talks) == 1, f"{len(talks)} conversations"
    return talks[0]


def after(seconds):
    """A deadline for loops that look."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end
