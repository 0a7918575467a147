"""Built offline: two contents at one place of the server's stream.

What an attacker beside the path does who is a moment faster than the server, put into a real
session at rest. The forged copy has the length of the true reply, so all later sequence numbers
and acknowledgements hold for either.
"""
import inject

TTL = 39
OFFER = b"250-STARTTLS\r\n"
INSTEAD = b"250-X-SAMPLE\r\n"


def insert(packets):
    """The packets with a copy of the reply to EHLO, without STARTTLS, before the true one."""
    out, asked = [], None
    for packet in packets:
        sec, usec, _, frame = packet
        to_server = inject.to_port_25(frame)
        if to_server and to_server[2].startswith(b"EHLO "):
            asked = frame, to_server
        if asked and not to_server and OFFER in frame:
            reply = frame[frame.index(b"250-"):].replace(OFFER, INSTEAD)
            forged = inject.forge(asked[0], *asked[1], TTL, inject.PSH_ACK, reply)
            out.append((*between(out[-1], (sec, usec)), len(forged), forged))
            asked = None
        out.append(packet)
    return out


def between(before, after):
    """The time halfway between a packet and the one that follows."""
    middle = (before[0] * 1000000 + before[1] + after[0] * 1000000 + after[1]) // 2
    return divmod(middle, 1000000)
