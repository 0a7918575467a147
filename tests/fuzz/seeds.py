#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets, tests/fuzz/corpus/TARGET/, from the captures, policies and rules
of this repository. Run it after a target's input format changed; the files are committed.

usage: seeds.py
"""
import binascii
import gzip
import os
import shutil
import ssl
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PCAPS = os.path.join(ROOT, "pcaps")
OUT = os.path.join(HERE, "corpus")
sys.path.insert(0, os.path.join(ROOT, "tests", "lab"))
sys.dont_write_bytecode = True
import pcapio  # noqa: E402

# Operations of flow.cpp, to be shifted left by one.
DATA, MOVED, FIN, RESET, SYN, CUT, WAIT, NO_ACK = range(8)
DIALOGUES = ["keyword-removed.s", "keyword-garbled.s", "banner-masked.s", "inject-454.s", "clean-bdat",
             "response-injection.s", "command-injection.r", "no-tls-after-220.s", "command-overwritten.r",
             "clean-two-transactions", "auth-clear", "rst-inject.s", "clean-tls13", "clean-implicit-tls"]
HANDSHAKES = ["clean-tls13", "clean-tls12-cert", "clean-tls12-anon", "clean-tls12-rsa", "weak-tls10",
              "clean-implicit-tls", "no-tls-after-220.s"]
PIPELINES = ["keyword-removed.s.pcap", "response-injection.s.pcap", "mx-spoofed-race.s.pcap",
             "clean-tls12-cert.pcap", "reset-clienthello-exim.s.pcap", "clean-dane.pcapng"]


def put(target, name, data):
    folder = os.path.join(OUT, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def read(name):
    with open(os.path.join(PCAPS, name), "rb") as f:
        return f.read()


def record(control, argument, data):
    """fuzz.hpp, Record."""
    return struct.pack(">BBH", control, argument, len(data)) + data


def packets(name):
    return [p[3] for p in pcapio.read(os.path.join(PCAPS, name + ".pcap"))[1]]


def transport(frame):
    """(protocol, source, destination, source port, destination port, flags, payload), or None."""
    if frame[12:14] != b"\x08\x00":
        return None
    ip = frame[14:14 + struct.unpack_from(">H", frame, 16)[0]]
    body = ip[(ip[0] & 15) * 4:]
    ports = struct.unpack_from(">HH", body)
    if ip[9] == 17:
        return 17, ip[12:16], ip[16:20], *ports, 0, body[8:]
    return ip[9], ip[12:16], ip[16:20], *ports, body[13], body[(body[12] >> 4) * 4:]


def conversation(name):
    """(from the server?, flags, payload) of the TCP segments of the first mail connection."""
    out, client = [], None
    for frame in packets(name):
        t = transport(frame)
        if not t or t[0] != 6 or not {25, 465, 587} & set(t[3:5]):
            continue
        if client is None:
            client = t[1], t[3]
        if client in ((t[1], t[3]), (t[2], t[4])):
            out.append(((t[1], t[3]) != client, t[5], t[6]))
    return out


def flows():
    for name in DIALOGUES:
        port = 1 if name == "clean-implicit-tls" else 0
        data = bytes([port << 1])
        for server, flags, payload in conversation(name):
            op = RESET if flags & 4 else FIN if flags & 1 else DATA
            if payload or op != DATA:
                data += record(op << 1 | server, 0, payload)
        put("flow", name, data)
    line = b"EHLO client.example.com\r\n"
    banner = record(DATA << 1 | 1, 0, b"220 mx1.example.org ESMTP\r\n")
    ehlo = record(DATA << 1, 0, line)
    put("flow", "overlap-conflict", b"\0" + banner + ehlo + record(MOVED << 1, 256 - 10, b"X" * 10))
    put("flow", "gap-given-up", b"\0" + banner + record(CUT << 1, 40, b"") + ehlo +
        record(WAIT << 1, 2, b"") + record(DATA << 1 | 1, 0, b"250 mx1.example.org\r\n"))
    put("flow", "midstream", b"\1" + ehlo + record(DATA << 1 | 1, 0, b"250 mx1.example.org\r\n"))
    put("flow", "idle-then-syn", b"\0" + banner + record(WAIT << 1, 255, b"") * 2 +
        record(SYN << 1, 3, b"") + record(NO_ACK << 1, 0, line))


def after_220(segments):
    """What follows the 220 to STARTTLS; everything where there is no STARTTLS."""
    for i, (server, _, payload) in enumerate(segments):
        if not server and payload == b"STARTTLS\r\n":
            return [s for s in segments[i + 1:] if s[2]][1:]
    return [s for s in segments if s[2]]


def handshakes():
    for name in HANDSHAKES:
        data = b"".join(record(int(server), 0, payload)
                        for server, _, payload in after_220(conversation(name)))
        put("tls", name, data)
    hello = after_220(conversation("clean-tls13"))[0][2]
    put("tls", "gap-in-hello", record(0, 0, hello[:90]) + record(2, 20, b"") + record(0, 0, hello[111:]))


def leaf(server):
    """The first certificate of a TLS 1.2 server's octets; each message stands in one record here."""
    at = 0
    while server[at] == 22:
        size = struct.unpack_from(">H", server, at + 3)[0]
        body = server[at + 5:at + 5 + size]
        at += 5 + size
        while body:
            if body[0] == 11:
                return body[10:10 + int.from_bytes(body[7:10], "big")]
            body = body[4 + int.from_bytes(body[1:4], "big"):]
    raise ValueError("no certificate")


def certificates():
    for name in ("clean-tls12-cert", "clean-tls12-rsa", "weak-tls10", "cert-substituted.s"):
        server = b"".join(p for s, _, p in after_220(conversation(name)) if s)
        put("certificate", name, leaf(server))
    put("certificate", "lab-ca", ssl.PEM_cert_to_DER_cert(read("ca/lab-ca.pem").decode()))


def names():
    queries = [p for n in ("mx-spoofed-race.s", "clean-tls13", "clean-ipv6") for p in packets(n)]
    _, dane = unpack_pcapng(read("clean-dane.pcapng"))
    seen = 0
    for frame in queries + dane:
        t = transport(frame)
        if t and t[0] == 17 and 53 in t[3:5]:
            put("dns", "message-%02d" % seen, t[6])
            seen += 1
    put("dns", "compression-loop", bytes(2) + b"\x84\0" + struct.pack(">4H", 1, 1, 0, 0) +
        b"\xc0\x0c\0\x0f\0\1" + b"\xc0\x0c\0\x0f\0\1\0\0\0\1\0\4\0\1\xc0\x0c")


def unpack_pcapng(data):
    """Enhanced packet blocks of a file pcapio.py wrote."""
    at, out = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            caplen = struct.unpack_from("<I", data, at + 20)[0]
            out.append(data[at + 28:at + 28 + caplen])
        at += size
    return 1, out


def decoding():
    for name in ("keyword-removed.s", "clean-ipv6", "rst-inject.s"):
        put("decode", name, b"".join(record(0, 0, p) for p in packets(name)[:24]))
    ip = packets("keyword-removed.s")[0][14:]
    mac = bytes(12)
    put("decode", "links", b"".join([
        record(0, 0, mac + b"\x88\xa8\0\5\x81\0\0\7\x08\0" + ip),      # QinQ
        record(1, 0, b"\2\0\0\0" + ip), record(2, 0, b"\xff\3\0\x21" + ip), record(4, 0, ip),
        record(5, 0, b"\0\0\0\2" + ip), record(6, 0, bytes(14) + b"\x08\0" + ip),
        record(7, 9, ip[:30]), record(9, 0, b"\x08\0" + bytes(18) + ip)]))
    body = ip[20:] + bytes(24 - len(ip[20:]) % 8)
    first = ip[:6] + b"\x20\0" + ip[8:20] + body[:16]
    rest = ip[:6] + b"\0\2" + ip[8:20] + body[16:]
    put("decode", "fragments", record(4, 0, rest) + record(4, 0, first) + record(4, 0, first))
    six = packets("clean-ipv6")
    frame = next(p for p in six if p[12:14] == b"\x86\xdd" and p[20] == 6)
    header, payload = frame[14:54], frame[54:]
    chain = b"\x3c\0" + bytes(6) + b"\6\0" + bytes(6)
    put("decode", "extension-headers", record(8, 0, header[:4] +
        struct.pack(">H", len(chain) + len(payload)) + b"\0" + header[7:] + chain + payload))


def captures():
    few = [(1, 2, len(p), p) for p in packets("clean-probe-quit")[:3]]
    put("capture", "classic", pcapio.classic(1, few))
    put("capture", "pcapng", pcapio.pcapng(1, few))
    put("capture", "gzip", gzip.compress(pcapio.classic(1, few), 9, mtime=0))
    put("capture", "gzip-pcapng", gzip.compress(pcapio.pcapng(1, few), 9, mtime=0))
    put("capture", "cut-off", pcapio.classic(1, few)[:-7])
    put("capture", "nanoseconds", struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) +
        struct.pack(">IIII", 1, 999999999, 60, 60) + bytes(60))
    options = struct.pack("<HHB3xHHqHH", 9, 1, 9, 14, 8, -3600, 0, 0)
    head = pcapio.pcapng(1, [])[:28]
    put("capture", "pcapng-blocks", head +
        pcapio.block(1, struct.pack("<HHI", 1, 0, 64) + options) +
        pcapio.block(1, struct.pack("<HHI", 127, 0, 0)) +
        pcapio.block(3, struct.pack("<I", 60) + bytes(60)) +
        pcapio.block(10, struct.pack("<II", 0x544C534B, 4) + b"CLI\n") +
        pcapio.block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HHQHH", 5, 8, 3, 0, 0)) +
        pcapio.block(6, struct.pack("<IIIII", 1, 0, 0, 4, 4) + bytes(4)) +
        pcapio.block(2, struct.pack("<HHIIII", 0, 0, 0, 0, 4, 4) + bytes(4)))


def texts():
    for name in sorted(os.listdir(os.path.join(PCAPS, "policies"))):
        put("sidecar" if name.endswith(".json") else "sts_policy", name, read("policies/" + name))
    put("sts_policy", "everything", b"version: STSv1\nmode: testing\r\nmx: *.example.org\nmx: 192.0.2.1\n"
        b"max_age: 99999999\nmode: none\nx-future: value\nmx: mx.example.net\n")
    put("sidecar", "all", b'{"id":"1","fetched_at":"2026-11-01T00:00:00Z",'
        b'"valid_until":"2026-12-01T00:00:00.5Z","source":"x","pin":true}')
    for i, text in enumerate((b"v=STSv1; id=20261101;", b"v=STSv1 ;id=1; a=b", b"v=STSv1;\nv=spf1 -all",
                              b"v=STSv1; id=a; id=b\nv=STSv1; id=c;")):
        put("sts_record", "record-%d" % i, text)
    for i, text in enumerate((b"FROM:<jane@example.org> SIZE=10", b"<>", b"TO:<@a.example,@b.example:x@c.test>",
                              b'<"a b\\"@"@example.org>', b"<x@[192.0.2.1]>", b"mx1.example.org",
                              "<jörg@bücher.example>".encode(), "xn--bcher-kva.example".encode())):
        put("mail_path", "path-%d" % i, text)
    for name in ("R01", "R02", "R12", "R24", "R29"):
        with open(os.path.join(ROOT, "rules", name + ".toml"), "rb") as f:
            put("rules", name, f.read())
    put("rules", "override", b'[R02]\nseverity = "low"\n[R02.exempt]\nmx = ["mx.example.org"]\n')


def configurations():
    with open(os.path.join(ROOT, "packaging", "mxwarden.toml"), "rb") as f:
        shipped = f.read()
    put("config", "shipped", shipped)
    put("config", "open", b"\n".join(line[1:] if line[:1] == b"#" and line[1:2].islower() else line
                                     for line in shipped.split(b"\n") if line[:2] != b"# "))
    put("config", "many", b'[resolver]\nservers = ["192.0.2.53", "[2001:db8::53]:5353"]\n'
        b'validating = ["192.0.2.53:53"]\n[fetch]\nallow = ["192.0.2.0/24"]\nport = 8443\n'
        b'[map]\nlisten = ["inet6:[::1]:8461", "unix:/run/map.sock"]\nnames.a = "sendmail"\n')
    for i, text in enumerate((b"unix:/run/mxwarden/map/map.sock", b"[mpa]\nlisten = []\n",
                              b"[map]\ncold_wait = 3\n", b"a.b.c.d = [{e = [[1]]}]\n", b"[$x]\n",
                              b'[paths]\nrun = "/\\u0001\\U0001F600"\n',
                              b"\xef\xbb\xbb]\nt")):
        put("config", "wrong-%d" % i, text)


def socketmap():
    def talk(name, settings, pattern, *queries, piece=7):
        sent = b"".join(b"%d:%s," % (len(q), q) for q in queries)
        put("socketmap", name, bytes([settings, piece, len(pattern)]) + pattern + sent)
    keys = (b"postfix example.org", b"sts example.org", b"postfix [mx.example.org]:25", b"postfix .org",
            b"postfix testing.example", b"postfix pinned.example", b"postfix [192.0.2.1]", b"other x",
            "postfix bücher.example".encode(), b"postfix EXAMPLE.org:25", b"nothing")
    talk("keys", 0, b"*.example.org", *keys)
    talk("observe", 1, b"*.example.org", *keys)
    talk("attributes", 2, b"*.example.org", *keys, piece=0)
    talk("dane", 0x14, b"*.example.or", *keys)
    talk("spliced", 2, b"a.example protocols=SSLv3, { x = y }", *keys)
    talk("off", 0x80, b"mx1.example.org", *keys)
    for i, sent in enumerate((b"01:x,", b"99999:", b"3:ab", b"0:_", b"x")):
        put("socketmap", "fault-%d" % i, b"\0\1\0" + sent)


def policy_responses():
    """policy_response.cpp: control = TXT | cause << 3, argument = pause | jitter << 3 | re-read << 7."""
    enforce = read("policies/" + sorted(n for n in os.listdir(os.path.join(PCAPS, "policies"))
                                        if n.endswith(".txt"))[0])
    served = b"v=STSv1; id=1;\n" + enforce
    changed = b"v=STSv1; id=2;\nversion: STSv1\nmode: none\nmax_age: 86400\n"
    short = b"v=STSv1; id=3;\nversion: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 1\n"
    put("policy_response", "kept", b"".join([
        record(3, 0, served), record(0, 4, b""), record(1, 5, b""), record(3 | 6 << 3, 5, served),
        record(3, 5, served), record(1, 7, b"")]))
    put("policy_response", "removed", record(3, 0, served) + record(3, 4, changed) + record(0, 6, b""))
    put("policy_response", "short-lived", b"".join(record(3, p, short) for p in (0, 1, 2, 3, 4, 0x80)))
    put("policy_response", "failing", b"".join(record(3 | c << 3, 3, served) for c in range(32)))
    put("policy_response", "flapping", b"".join(
        record(3 | 6 << 3, 0, b"v=STSv1; id=%d;" % i) for i in range(20)))
    put("policy_response", "broken", b"".join([
        record(3, 0, b"v=STSv1; id=1;\ngarbage"), record(7, 2, served), record(3, 3, b"\xff\0"),
        record(4, 0x85, served), record(2, 0x8d, b"\n" + enforce)]))


def auth_results():
    """A whole header value, as an MTA gives it to a milter."""
    for i, value in enumerate((
            b" mx1.b.test; x-tls=pass smtp.version=TLSv1.3\n\tsmtp.cipher=X smtp.bits=256",
            b"mx1.b.test; dkim=pass header.d=a.test; x-tls=pass; spf=none",
            b"MX1.B.TEST. 1;\r\n\tX-MTA-STS / 1 = pass;\r\n\tdmarc=none",
            b'(a (nested \\) one) comment) "mx1.b.test" (c); (d) x-tls (e) = (f) pass',
            b'mx1.b.test/4711; spf=fail reason="x-tls=pass; a\\"b" smtp.mailfrom=x-tls=p@a.test',
            "b\u00fccher.test; x-tls=pass; none".encode(), b"mx1.b.test; none", b"mx2.b.test; x-tls=pass",
            b"mx1.b.test; dkim=pass (open; x-tls=pass", b'mx1.b.test; a=b "open; x-mta-sts=pass',
            b"mx1.b.test x-tls=pass", b"mx1.b.test;; x-tls=pass;", b"mx1.b.test; a=\0; x-tls=pass")):
        put("auth_results", "value-%d" % i, value)


def mail_of_reports():
    """dkim.cpp: a key record, then a signed message (RFC 8463, appendix A); bounce.cpp; lmtp.cpp."""
    record_of = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    field = (b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com;"
             b" i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
             b" subject : date : message-id : from : subject : date;\r\n"
             b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
             b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
             b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n")
    rest = (b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
            b"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
            b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\n"
            b"We lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n")
    put("dkim", "good", record_of + b"\n" + field + rest)
    put("dkim", "line-feeds", (record_of + b"\n" + field + rest).replace(b"\r", b""))
    put("dkim", "length", b"p=AAEC; t=y:s; s=email:*; h=sha256\n" + field.replace(b"t=15", b"l=5; x=2; t=15")
        .replace(b"ed25519", b"rsa").replace(b"relaxed/relaxed", b"simple") + field + rest)
    put("dkim", "fields", b"\n folded\r\nFROM : a\r\n\t b \r\nno field\r\nDKIM-Signature:\r\nb:;\r\n\r\n \r\n")
    mark = b"--4XyZ/mx\r\n"
    bounce = (b"From: MAILER-DAEMON@mx.example.net\r\nContent-Type: multipart/report; report-type=x;\r\n"
              b"\tboundary=\"4XyZ\\/mx\"\r\n\r\n" + mark + b"Content-Type: message/delivery-status\r\n\r\n"
              b"Reporting-MTA: dns; mx.example.net\r\n\r\nOriginal-Recipient: rfc822;tls@example.org\r\n"
              b"Final-Recipient: rfc822; <tls@example.org>\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" + mark +
              b"Content-Type: text/rfc822-headers\r\n\r\nTo: Reports\r\n <tls@example.org>\r\n\r\n--4XyZ/mx--\r\n")
    put("bounce", "failed", bounce)
    put("bounce", "line-feeds", bounce.replace(b"\r", b""))
    put("bounce", "token", bounce.replace(b"\"4XyZ\\/mx\"", b"4XyZ/mx ; a=b"))
    put("bounce", "cut", bounce[:-60])
    begin = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<bc@x.test>\r\nDATA\r\n"
    put("lmtp", "mail", b"\6" + begin + b"..a\r\nb\n.\nc\r\n.\r\n" + begin[8:] + b".\r\nQUIT\r\n")
    put("lmtp", "large", b"\0" + begin + 60 * b"ten octets" + b"\r\n.\r\nRSET\r\nNOOP\r\nVRFY\r\n")
    put("lmtp", "bad", b"\x20x\r\nDATA\r\nRCPT\r\nMAIL FROM\nLHLO\r\nMAIL FROM:<a@b>\r\n" + 5000 * b"x" + b"\r\n")


def milter_sessions():
    """milter_session.cpp: control = callback, or 0x80 and argument = the macro."""
    connect, helo, mail, rcpt, data, header, end, abort = range(8)
    j, i, name, addr, port, _, resolve, tls, cipher, auth, mailer, host, rcpt_addr, if_addr = range(14)

    def session(file, settings, *steps):
        put("milter_session", file, bytes([settings]) + b"".join(record(*s) for s in steps))

    def macro(number, value):
        return 0x80, number, value

    def to(domain, address, state=6 | 2 << 3 | 1 << 6):
        return (macro(mailer, b"smtp"), macro(host, domain), macro(rcpt_addr, address),
                (rcpt, state, b"<" + address + b">\0NOTIFY=NEVER"))

    start = (macro(j, b"mx1.b.test"), macro(name, b"MTA"), macro(addr, b"198.51.100.2"),
             macro(port, b"25"), macro(resolve, b"OK"))
    hello = (helo, 0, b"client.a.test")
    results = ((header, 0, b"Authentication-Results\0 mx1.b.test; x-tls=pass; dkim=pass"),
               (header, 0, b"TLS-Required\0 No"),
               (header, 0, b"authentication-results\0mx1.b.test; x-mta-sts=pass"))
    message = ((data, 0, b""), *results, macro(i, b"87B5BA7C94F"), (end, 0, b""))
    session("inbound", 16, *start, (connect, 0, b"client.a.test\x00203.0.113.9"), hello,
            macro(tls, b"TLSv1.3"), macro(cipher, b"TLS_AES_256_GCM_SHA384"), hello,
            (mail, 0, b"<u@a.test>\0REQUIRETLS"), *to(b"local", b"x@b.test"), *message,
            (mail, 0, b"<>\0"), (abort, 0, b""), (abort, 0, b""))
    session("relay", 7, *start, (connect, 0, b"client.a.test\x00192.0.2.9"), hello,
            (mail, 0, b"<u@a.test>\0SIZE=1"), *to(b"b.test", b"x@b.test"), *to(b"c.test.", b"y@c.test", 2),
            *to(b"[smart.test]:587", b"z@c.test"), *to(b"", b"\"a@b\"@c.test"), *message)
    session("submission", 7, *start, (connect, 0, b"x\x00203.0.113.9"), macro(auth, b"PLAIN"), hello,
            (mail, 0, b"u@a.test\0"), *to("bücher.test".encode(), "ü@bücher.test".encode()), *message)
    session("local", 3, macro(j, b"b.test"), (connect, 0, b"localhost\x00127.0.0.1"),
            (mail, 0, b"root@b.test\0"), (rcpt, 6, b"y@remote.test\0"), *message)
    session("exempt", 15, *start, macro(if_addr, b"IPv6:2001:db8::2"),
            (connect, 0, b"mail.example.org\x002001:db8::9"), (mail, 0, b"<u@a.test>\0"),
            *to(b"b.test", b"x@b.test"), *message)
    session("disorder", 32, (rcpt, 0, b"<x@b.test>\0"), (end, 0, b""), (data, 0, b""), *results,
            (mail, 0, b"\0"), (rcpt, 0, b""), (connect, 0, b"\0"), (end, 0, b""))


REPORT = b"""{"organization-name": "Example", "contact-info": "tlsrpt@sender.example",
"date-range": {"start-datetime": "2026-11-20T00:00:00Z", "end-datetime": "2026-11-20T23:59:59Z"},
"report-id": "1_example.org", "policies": [{"policy": {"policy-type": "sts", "policy-domain": "example.org",
"policy-string": ["version: STSv1", "mode: enforce", "mx: *.example.org"], "mx-host": ["*.example.org"]},
"summary": {"total-successful-session-count": 5, "total-failure-session-count": 3},
"failure-details": [{"result-type": "starttls-not-supported", "sending-mta-ip": "2001:db8::1",
"receiving-mx-hostname": "mx.example.org", "receiving-mx-helo": "mx.example.org", "receiving-ip": "192.0.2.1",
"failed-session-count": 3, "additional-information": "https://x.example/", "failure-reason-code": "none"}]}]}"""


def reports():
    def mail(kind, encoding, body, first=b"Content-Type: text/plain\r\n\r\nA report.\r\n"):
        return (b"From: a@sender.example\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nSubject: Report Domain: "
                b"example.org\r\n Submitter: sender.example Report-ID: <1_example.org@sender.example>\r\n"
                b"TLS-Report-Domain: example.org\r\nTLS-Report-Submitter: sender.example\r\n"
                b"DKIM-Signature: v=1; h=From:TLS-Report-Domain:TLS-Report-Submitter; b=x\r\n"
                b'Content-Type: multipart/report; report-type=tlsrpt; boundary="b"\r\n\r\n--b\r\n' + first +
                b"--b\r\nContent-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding +
                b"\r\nContent-Disposition: attachment; filename*=utf-8''s.example%21d.example%211%212.json.gz"
                b"\r\n\r\n" + body + b"\r\n--b--\r\n")
    zipped = gzip.compress(REPORT, 9, mtime=0)
    text = binascii.b2a_base64(zipped)
    nested = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n"
    put("report_mail", "base64", mail(b"application/tlsrpt+gzip", b"base64", text))
    put("report_mail", "quoted", mail(b"application/tlsrpt+json", b"quoted-printable",
                                      REPORT.replace(b"=", b"=3D").replace(b"\n", b"=\r\n")))
    put("report_mail", "nested", mail(b"message/rfc822", b"7bit", mail(b"text/plain", b"8bit", REPORT), nested))
    put("report_mail", "zipped", zipped)
    put("report_mail", "two-members", zipped + zipped)
    put("report_mail", "plain", REPORT)
    put("report_json", "full", REPORT)
    for name, piece, other in (
            ("json-in-text", b'["version: STSv1", "mode: enforce", "mx: *.example.org"]', b'["[\\"3 1 1 00\\"]"]'),
            ("lines-in-text", b'["version: STSv1", "mode: enforce", "mx: *.example.org"]', b'"a\\r\\nb\\n"'),
            ("host-in-text", b'["*.example.org"]', b'"mx: mx.example.org."'), ("midnight", b"23:59:59Z", b"24:00:00"),
            ("zone", b"00:00:00Z", b"02:00:00+0200"), ("counts", b": 3}", b": \"3\"}"), ("real", b": 5", b": 5e0"),
            ("prose", b"additional-information", b"additional-info-uri"), ("null", b'"1_example.org"', b"null"),
            ("doubled", b'"report-id"', b'"contact-info"'), ("deep", b'"Example"', b"[" * 33 + b"]" * 33),
            ("u-label", b'domain": "', 'domain": "b\u00fccher.'.encode()), ("large", b": 5", b": 9007199254740993")):
        put("report_json", name, REPORT.replace(piece, other, 1))


def datagrams():
    """datagram.cpp: the text as it comes."""
    def sts(rest):
        return (b'{"dpv": "1","d": "example.net","pr": "v=TLSRPTv1; rua=mailto:r@example.net","policies":'
                b'[{"policy-type":2,"policy-domain": "example.net","policy-string":["version: STSv1",'
                b'"mode: enforce","mx: *.example.net","max_age: 604800"],"mx-host":["*.example.net"],'
                + rest + b"}]}")
    put("datagram", "success", sts(b'"t":0,"f":0'))
    put("datagram", "failure", sts(
        b'"failure-details":[{"c":201,"s": "2001:db8::25","n": "mx1.example.net","h": "mx1.example.net\\r\\n'
        b'PIPELINING","r": "203.0.113.7"},{"c":999,"a": "https://example.net/?\\"q\\"\\u007f","f": '
        b'"of alice@example.net \xc3\xa9 \xff \\ud83d\\ude00 \\ud800"}],"t":2,"f":1'))
    put("datagram", "tlsa", b'{"d":"Example.COM.","pr":"r","policies":[{"policy-type":1,"policy-domain":'
        b'"mx.example.com","policy-string":["3 1 1 AB"],"t":0,"f":0},{"policy-type":9,"f":1}]}')
    put("datagram", "blank", b' { "policies" : [ { "f" : 0 , "x" : [ 1e3 , null , { } ] , "policy-type" : 9 } ] ,\n'
        b'"pr" : "" , "d" : "b\xc3\xbccher.example" } ')
    put("datagram", "sensor", b'{"v":1,"sensor":"s","instance":"i","seq":7,"time":"2026-11-26T12:00:00Z",'
        b'"egress_ip":"192.0.2.25","policy_domain":"example.net","policy":{"type":"sts","strings":["mode: x"],'
        b'"mx_host":["mx.example.net"]},"final":"failure","failure":{"result":"starttls-not-supported",'
        b'"reason":"stripped","mx_host":"mx.example.net","mx_ip":"192.0.2.7","helo_name":"mx.example.net"},'
        b'"session":77,"basis":"map","candidates":1,"offered":"no","outcome":"plaintext"}')
    for i, text in enumerate((b"{nope", b"5", b"[]", b'{"policies":null}', b'{"dpv":"2"}', b'{"d":"\\u0000"}',
                              b'{"x":[[[[[[[[[1]]]]]]]]]}', sts(b'"t":0'), sts(b'"f":01'))):
        put("datagram", "garbage-%d" % i, text)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    flows()
    handshakes()
    certificates()
    datagrams()
    names()
    decoding()
    captures()
    texts()
    configurations()
    socketmap()
    policy_responses()
    auth_results()
    milter_sessions()
    reports()
    mail_of_reports()
    for name in PIPELINES:
        put("pipeline", name, read(name))


if __name__ == "__main__":
    main()
