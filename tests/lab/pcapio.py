"""Reading tcpdump's files and writing them as the three forms that the lab commits."""
import gzip
import struct

MAGIC = 0xA1B2C3D4


def read(path):
    """Link type and (seconds, microseconds, wire length, bytes) of each packet."""
    with open(path, "rb") as f:
        data = f.read()
    if struct.unpack_from("<I", data)[0] != MAGIC:
        raise ValueError(f"{path}: not a little-endian microsecond pcap")
    link, pos, packets = struct.unpack_from("<I", data, 20)[0], 24, []
    while pos + 16 <= len(data):
        sec, usec, caplen, wire = struct.unpack_from("<IIII", data, pos)
        packets.append((sec, usec, wire, data[pos + 16:pos + 16 + caplen]))
        pos += 16 + caplen
    return link, packets


def write(path, link, packets):
    """The form follows from the name: .pcapng, .pcap.gz or .pcap."""
    if path.endswith(".pcapng"):
        data = pcapng(link, packets)
    else:
        data = classic(link, packets)
    if path.endswith(".gz"):
        data = gzip.compress(data, 9, mtime=0)
    with open(path, "wb") as f:
        f.write(data)


def classic(link, packets):
    out = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 262144, link)]
    for sec, usec, wire, data in packets:
        out.append(struct.pack("<IIII", sec, usec, len(data), wire) + data)
    return b"".join(out)


def pcapng(link, packets):
    """No options at all: a capture needs no hardware, system or interface name."""
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
           block(1, struct.pack("<HHI", link, 0, 262144))]
    for sec, usec, wire, data in packets:
        stamp = sec * 1000000 + usec
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), wire)
        out.append(block(6, head + data + bytes(-len(data) % 4)))
    return b"".join(out)


def block(kind, body):
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
