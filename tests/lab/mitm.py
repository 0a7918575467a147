#!/usr/bin/env python3
"""Man in the middle for SMTP, one thread per connection.

    mitm.py PORT MODE [OPTION...]

Connections arrive through an nft redirect; the address the client dialled is then the
upstream, unless --upstream names another. MODE is a name of MODES in modes.py.
"""
import argparse
import select
import socket
import ssl
import struct
import sys
import threading

from modes import MODES, VERSIONS, Reset, is_starttls

SO_ORIGINAL_DST = 80


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
