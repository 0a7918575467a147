#!/usr/bin/python3
"""A stand-in for mxwarden-map: answers from a table, so that the lab can be tried without us.

usage: standin.py TABLE.json

The table maps a domain to what follows OK; all else is NOTFOUND. Behaves as a service of ours does:
takes its listening socket from the service manager, says READY=1, keeps the watchdog quiet.
"""
import json
import os
import socket
import socketserver
import sys
import threading
import time

sys.dont_write_bytecode = True
LISTEN_FIRST = 3


def notify(text):
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(path)
            sock.send(text.encode())


def pet():
    pause = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
    while pause:
        notify("WATCHDOG=1")
        time.sleep(pause)


class Question(socketserver.StreamRequestHandler):
    def handle(self):
        while (length := self.length()) is not None:
            question = self.rfile.read(length).decode(errors="replace")
            if self.rfile.read(1) != b",":
                return
            found = self.server.table.get(question.partition(" ")[2].lower())
            answer = b"NOTFOUND " if found is None else b"OK " + found.encode()
            self.wfile.write(b"%d:%s," % (len(answer), answer))

    def length(self):
        digits = b""
        while (octet := self.rfile.read(1)) != b":":
            if not octet.isdigit() or len(digits) > 4:
                return None
            digits += octet
        return int(digits or b"0")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, table):
        super().__init__(None, Question, bind_and_activate=False)
        self.socket.close()
        self.socket, self.table = socket.socket(fileno=LISTEN_FIRST), table
        self.socket.setblocking(True)


def main():
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        sys.exit("standin: no socket was handed over")
    with open(sys.argv[1]) as f:
        server = Server(json.load(f))
    notify("READY=1")
    threading.Thread(target=pet, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
