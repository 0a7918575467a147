"""MANIFEST.tsv: what each capture is, and the digest that keeps it what it is."""
import gzip
import hashlib
import os
import struct

COLUMNS = ["file", "sha256", "packets", "case", "side", "made_by", "sender", "receiver", "attack",
           "edit", "expect_rules", "notes"]


def update(out, case, paths):
    """Replace the rows of one case and leave all others."""
    path = os.path.join(out, "MANIFEST.tsv")
    rows = read(path)
    for side, file in paths.items():
        name = os.path.basename(file)
        with open(file, "rb") as f:
            data = f.read()
        rows[name] = [name, hashlib.sha256(data).hexdigest(), str(packets(data)), case.name, side,
                      f"tests/lab/captures {case.name}", case.sender, case.receiver, case.attack,
                      case.edit, case.expect.get(side, "none"), case.notes or "-"]
    with open(path, "w") as f:
        f.write("\t".join(COLUMNS) + "\n")
        f.writelines("\t".join(rows[name]) + "\n" for name in sorted(rows))


def read(path):
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        lines = [l.rstrip("\n").split("\t") for l in f][1:]
    return {l[0]: l for l in lines}


def packets(data):
    """Count packets of either form."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    pos, count = 0, 0
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        while pos < len(data):
            kind, size = struct.unpack_from("<II", data, pos)
            count += kind == 6
            pos += size
        return count
    pos = 24
    while pos < len(data):
        pos += 16 + struct.unpack_from("<I", data, pos + 8)[0]
        count += 1
    return count
