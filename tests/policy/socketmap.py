"""The socketmap protocol (socketmap_table(5)): questions and answers as netstrings."""
import socket

from topology import Inside

PORT = 8461
LONGEST = 100_000  # octets of an answer that Postfix takes


class ProtocolError(Exception):
    pass


def netstring(data):
    return b"%d:%s," % (len(data), data)


def read_netstring(stream, longest=LONGEST):
    """One netstring from a binary file; None at the end of it."""
    digits = b""
    while (octet := stream.read(1)) != b":":
        if not octet and not digits:
            return None
        if not octet.isdigit() or len(digits) > 9:
            raise ProtocolError(f"no netstring: {digits + octet!r}")
        digits += octet
    length = int(digits or b"0")
    if length > longest:
        raise ProtocolError(f"{length} octets")
    data = stream.read(length)
    if len(data) < length or stream.read(1) != b",":
        raise ProtocolError("cut short")
    return data


def ask(ns, domain, name="postfix", seconds=10):
    """What the map in a namespace answers now, as text; trouble of any kind is an answer too."""
    try:
        with Inside(ns):
            sock = socket.create_connection(("127.0.0.1", PORT), seconds)
        with sock, sock.makefile("rb") as stream:
            sock.sendall(netstring(f"{name} {domain}".encode()))
            answer = read_netstring(stream)
    except (OSError, ProtocolError) as e:
        return f"(no answer: {e})"
    return "(closed)" if answer is None else answer.decode(errors="replace")
