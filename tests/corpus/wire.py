"""The clear text of TCP connections in a capture, read without the sensor.

Simple on purpose: the first copy of each octet wins, holes are closed up, no fragments or tunnels.
It serves a search for secrets, where a stream read wrongly at one place still gives the rest.
"""
import gzip
import struct

# Magic numbers of microsecond and nanosecond pcap files.
PCAP_ORDER = {b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">",
              b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<"}
ETHERNET, NULL, RAW, LINUX_SLL = 1, 0, 101, 113
LINK_HEADER = {NULL: 4, RAW: 0, 12: 0, 228: 0, LINUX_SLL: 16}
TCP = 6
LONGEST_STREAM = 1 << 20


def packets(path):
    """(link type, octets) of each packet of a pcap or pcapng file, gzip or not."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng_packets(data)
    elif data[:4] in PCAP_ORDER:
        order = PCAP_ORDER[data[:4]]
        link, at = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF, 24
        while at + 16 <= len(data):
            length = struct.unpack_from(order + "I", data, at + 8)[0]
            yield link, data[at + 16:at + 16 + length]
            at += 16 + length


def pcapng_packets(data):
    order, links, at = "<", [], 0
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order, links = ("<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"), []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12:
            return
        if kind == 1:
            links.append(struct.unpack_from(order + "H", data, at + 8)[0])
        elif kind == 6 and at + 28 <= len(data):
            interface, length = struct.unpack_from(order + "I8xI", data, at + 8)
            if interface < len(links):
                yield links[interface], data[at + 28:at + 28 + length]
        at += size


def ip_of(link, packet):
    if link != ETHERNET:
        return packet[LINK_HEADER.get(link, len(packet)):]
    at = 12
    while packet[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return packet[at + 2:] if packet[at:at + 2] in (b"\x08\x00", b"\x86\xdd") else b""


def tcp_of(ip):
    """(source address, destination address, TCP header and payload) or None."""
    if len(ip) >= 40 and ip[0] >> 4 == 4 and ip[9] == TCP:
        total = int.from_bytes(ip[2:4], "big") or len(ip)
        return ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4:total]
    if len(ip) >= 60 and ip[0] >> 4 == 6 and ip[6] == TCP:
        return ip[8:24], ip[24:40], ip[40:40 + int.from_bytes(ip[4:6], "big")]
    return None


def streams(path):
    """(src, dst) endpoints -> octets of that direction in sequence order, holes closed up."""
    segments = {}
    for link, packet in packets(path):
        found = tcp_of(ip_of(link, packet))
        if found is None or len(found[2]) < 20:
            continue
        src, dst, tcp = found
        sport, dport, seq = struct.unpack_from(">HHI", tcp)
        payload = tcp[(tcp[12] >> 4) * 4:]
        if payload:
            direction = ((src, sport), (dst, dport))
            segments.setdefault(direction, []).append((seq, payload))
    return {direction: joined(parts) for direction, parts in segments.items()}


def distance(base, seq):
    """How far `seq` lies behind `base`, over the wrap-around of sequence numbers."""
    return ((seq - base + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def joined(parts):
    placed = sorted((distance(parts[0][0], seq), payload) for seq, payload in parts)
    out, end = bytearray(), None
    for at, payload in placed:
        fresh = payload if end is None or at >= end else payload[end - at:]
        end = max(at + len(payload), end if end is not None else at)
        if len(out) < LONGEST_STREAM:
            out += fresh
    return bytes(out)
