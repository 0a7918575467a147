#!/usr/bin/python3
"""A bad reader of a feed.

usage: badreader.py SOCKET rubbish | endless | silent | greedy | once

rubbish: lines that are no request, again and again. endless: one line without end. silent: many
connections that ask for all and take nothing. greedy: asks for all, again and again. once: asks for
all, prints the beginning of what comes within a second, or `closed`. silent and greedy say `served`
once a line of the feed has come: a reader that was turned away harms nobody and shows nothing.
"""
import os
import socket
import sys
import time

ALL = b'{"v":1,"from":0}\n'


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(path)
    return sock


def rubbish(path):
    with connect(path) as sock:
        sock.sendall(b"\xff\xfe{]\n" * 100 + b'{"v":99,"from":-1}\n{"v":1,"from":"x"}\n')
        sock.recv(65536)


def endless(path):
    with connect(path) as sock:
        while True:
            sock.sendall(b'{"v":1,' + b" " * 65536)


def is_served(sock):
    """Whether lines of the feed wait to be read; they are left there."""
    return b'"op"' in sock.recv(4096, socket.MSG_PEEK)


def greedy(path):
    with connect(path) as sock:
        sock.sendall(ALL)
        if is_served(sock):
            say_once("served")


def silent(path):
    held = []
    for _ in range(64):
        try:
            held.append(connect(path))
            held[-1].sendall(ALL)
        except OSError:
            pass  # one too many
    for sock in held:
        try:
            if is_served(sock):
                say_once("served")
        except OSError:
            pass
    time.sleep(60)


def once(path):
    with connect(path) as sock:
        sock.settimeout(1)
        try:
            sock.sendall(ALL)
            said = sock.recv(65536)
        except ConnectionError:
            said = b""
        print(said.decode(errors="replace") or "closed")


SAID = set()


def say_once(word):
    if word not in SAID:
        print(word, flush=True)
        SAID.add(word)


def main():
    path, way = sys.argv[1:3]
    if way == "once":
        once(path)
        return
    print("at it", os.getuid(), flush=True)
    act = {"rubbish": rubbish, "endless": endless, "greedy": greedy, "silent": silent}[way]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            act(path)
        except OSError:
            time.sleep(0.01)


if __name__ == "__main__":
    main()
