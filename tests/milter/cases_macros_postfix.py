"""Contract: which macros Postfix sends when (README.md), as our callbacks rely on them."""
from contract import has, same
from mta import PASSWORD, USER
from procs import Failure, wait_for
from promise import Case
from rawmilter import NOHELO, RCPT_REJ, only
from smtp import Smtp, tls_context
from world import RELAY, STRANGER

TLS = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
NEVER = ("verify", "cn_subject", "cn_issuer", "cert_md5", "server_name", "alg_bits", "if_addr",
         "if_name", "auth_ssf", "msg_id", "nrcpts", "nbadrcpts")
ALL = "i j v _ " + " ".join("{%s}" % m for m in (
    "daemon_name", "daemon_addr", "daemon_port", "client_name", "client_addr", "client_port",
    "client_ptr", "client_resolve", "client_connections", "tls_version", "cipher", "cipher_bits",
    "cert_subject", "cert_issuer", "auth_type", "auth_authen", "auth_author", "mail_addr",
    "mail_host", "mail_mailer", "rcpt_addr", "rcpt_host", "rcpt_mailer", *NEVER))
STAGES = ("CONNECT", "HELO", "MAIL", "RCPT", "DATA", "EOH", "EOM")


def talk_of(world, mta="postfix", port=25, prepare=lambda s: s.ehlo(), how=None, mail=None, **script):
    """One session with one mail; what the milter saw of it, and the replies to the mail."""
    c = world.contract
    with c.raw[mta].playing(**script) as talks:
        with c.client(mta, port, **(how or {})) as s:
            prepare(s)
            replies = (mail or inbound)(s)
        return only(talks), replies, s


def inbound(s):
    return s.mail("correspondent@example.com", "box@example.org", "other@example.org")


def offer(world):
    for mta in ("postfix", "sendmail"):
        talk, _, _ = talk_of(world, mta)
        same(mta + " offers", tuple(map(hex, talk.offer)), ("0x6", "0x1ff", "0x1fffff"))


def plain(world):
    talk, replies, s = talk_of(world)
    same("replies", [r[:3] for r in replies], ["250"] * 4)
    same("connect", talk.macros("CONNECT"), {
        "j": "mx1.example.org", "{daemon_name}": "mx1.example.org",
        "{daemon_addr}": world.contract.address, "v": "Postfix 3.7.11",
        "_": f"client.example.com [{RELAY}]"})
    same("helo", talk.macros("HELO") or {}, {})
    same("mail", talk.macros("MAIL"), {"{mail_addr}": "correspondent@example.com",
                                       "{mail_host}": "example.com", "{mail_mailer}": "smtp"})
    first = talk.macros("RCPT")
    same("first recipient", first, {"{rcpt_addr}": "box@example.org", "{rcpt_host}": "example.org",
                                    "{rcpt_mailer}": "virtual"})
    later = talk.macros("RCPT", 1)
    if not later.get("i"):
        raise Failure(f"no queue id with the second recipient: {later}")
    for stage in ("DATA", "EOH", "EOM"):
        same(stage, talk.macros(stage), {"i": later["i"]})
    port = int.from_bytes(talk.data("CONNECT").split(b"\0")[1][1:3], "big")
    same("the client's port in the packet", port, s.port)


def starttls(world):
    talk, _, _ = talk_of(world, prepare=lambda s: (s.ehlo(), s.starttls()))
    same("packets", talk.names("HELO", "ABORT", "MAIL")[:4], ["HELO", "ABORT", "HELO", "MAIL"])
    has("before TLS", talk.macros("HELO"), tls_version=None)
    same("after TLS", talk.macros("HELO", 1), {"{%s}" % k: v for k, v in TLS.items()})


def client_certificate(world):
    trusted = tls_context(world.pki.path("client.chain"))
    talk, _, _ = talk_of(world, prepare=lambda s: (s.ehlo(), s.starttls(trusted)))
    has("trusted", talk.macros("HELO", 1), **TLS, cert_subject="client.example.com",
        cert_issuer="mxwarden milter lab root")
    unknown = tls_context(world.pki.path("unknown.chain"))
    talk, _, _ = talk_of(world, prepare=lambda s: (s.ehlo(), s.starttls(unknown)))
    has("not trusted", talk.macros("HELO", 1), **TLS, cert_subject=None, cert_issuer=None)


def next_hop(world):
    rows = [("x@remote.test", "remote.test", "x@remote.test"),
            ("y@[203.0.113.25]", "[203.0.113.25]", "y@[203.0.113.25]"),
            ("z@routed.test", "[smart.test]:587", "z@routed.test"),
            # The host keeps its case, the address does not.
            ("plus+tag@Sub.Remote.Test", "Sub.Remote.Test", "plus+tag@sub.remote.test"),
            ('"quoted user"@remote.test', "remote.test", '"quoted user"@remote.test')]
    talk, _, _ = talk_of(world, mail=lambda s: s.mail("correspondent@example.com",
                                                      *[r[0] for r in rows]))
    for number, (said, host, address) in enumerate(rows):
        has(said, talk.macros("RCPT", number), rcpt_host=host, rcpt_addr=address, rcpt_mailer="smtp")
    talk, _, _ = talk_of(world, mail=lambda s: s.mail("smart@example.com", "x@remote.test"))
    has("by a smart host", talk.macros("RCPT"), rcpt_host="[smart.test]:587")


def parameters(world):
    def mail(s):
        s.need("MAIL FROM:<correspondent@example.com> SIZE=258 BODY=8BITMIME")
        s.need("RCPT TO:<box@example.org> ORCPT=rfc822;box@example.org")
        return s.say("MAIL FROM:<correspondent@example.com> REQUIRETLS")
    talk, refused, _ = talk_of(world, mail=mail)
    same("MAIL", talk.data("MAIL"), b"<correspondent@example.com>\0SIZE=258\0BODY=8BITMIME\0")
    same("RCPT", talk.data("RCPT"), b"<box@example.org>\0ORCPT=rfc822;box@example.org\0")
    # 3.7 knows no REQUIRETLS: it refuses the parameter, or the second MAIL; a milter sees neither.
    same("MAIL packets", talk.names("MAIL"), ["MAIL"])
    same("REQUIRETLS", refused[:1], "5")

    def require(s):
        return s.say("MAIL FROM:<correspondent@example.com> REQUIRETLS")
    talk, refused, _ = talk_of(world, mail=require)
    same("REQUIRETLS", (refused[:10], talk.names("MAIL")), ("555 5.5.4 ", []))


def null_sender(world):
    talk, _, _ = talk_of(world, mail=lambda s: s.mail("", "box@example.org"))
    has("null sender", talk.macros("MAIL"), mail_addr="", mail_host="mx1.example.org")


def asked(world):
    talk, _, s = talk_of(world, prepare=lambda s: (s.ehlo(), s.starttls()),
                         ask={stage: ALL for stage in STAGES})
    has("connect", talk.macros("CONNECT"), daemon_port="25", client_name="client.example.com",
        client_addr=RELAY, client_port=str(s.port), client_ptr="client.example.com",
        client_resolve="OK", client_connections="0")
    for stage in ("MAIL", "RCPT", "DATA"):
        has(stage, talk.macros(stage), **TLS)
    for stage in ("EOH", "EOM"):
        has(stage, talk.macros(stage), tls_version=None, cipher=None, mail_host=None,
            rcpt_host=None, client_resolve=None, client_addr=RELAY)
    sent = {name for n, d in talk.packets if n == "MACRO" for name in d[1]}
    same("never sent", sorted(sent & {"{%s}" % n for n in NEVER}), [])


def no_helo(world):
    talk, _, _ = talk_of(world, steps=NOHELO, prepare=lambda s: (s.ehlo(), s.starttls()))
    same("HELO packets", talk.names("HELO"), [])
    found = [d[1] for n, d in talk.packets if n == "MACRO" and d[0] == "HELO"]
    same("macros all the same", found[-1:], [{"{%s}" % k: v for k, v in TLS.items()}])


def rejected(world):
    def mail(s):
        return s.mail("correspondent@example.net", "x@remote.test", "box@example.org")
    how = {"source": STRANGER}
    talk, _, _ = talk_of(world, how=how, mail=mail)
    same("recipients shown", len(talk.names("RCPT")), 1)
    talk, replies, _ = talk_of(world, how=how, mail=mail, steps=RCPT_REJ)
    same("the client reads", replies[1], "554 5.7.1 <x@remote.test>: Relay access denied")
    has("refused recipient", talk.macros("RCPT"), rcpt_mailer="error")


def submission(world):
    def login(s):
        s.ehlo()
        s.starttls()
        s.login(USER, PASSWORD)
    talk, _, _ = talk_of(world, port=587, prepare=login, how={"source": STRANGER},
                         ask={"CONNECT": "{daemon_name} {daemon_port}"},
                         mail=lambda s: s.mail("archivist@example.org", "x@remote.test"))
    has("connect", talk.macros("CONNECT"), daemon_name="ORIGINATING", daemon_port="587")
    has("helo", talk.macros("HELO", 1), **TLS)
    has("mail", talk.macros("MAIL"), auth_type="PLAIN", auth_authen="archivist@example.org",
        auth_author=None)


def wrapped(world):
    talk, _, _ = talk_of(world, port=465, how={"implicit": tls_context()},
                         ask={"CONNECT": "{daemon_name} {daemon_port}"})
    same("HELO packets", len(talk.names("HELO")), 1)
    has("helo", talk.macros("HELO"), **TLS)
    has("connect", talk.macros("CONNECT"), daemon_name="mx1.example.org", daemon_port="465")


def ipv6(world):
    c = world.contract
    with c.raw["postfix"].playing(ask={"CONNECT": "{client_addr} {daemon_addr}"}) as talks:
        with Smtp(c.six) as s:
            source = s.sock.getsockname()[0]
            s.ehlo()
            inbound(s)
        talk = only(talks)
    # Only the macro has a prefix.
    has("connect", talk.macros("CONNECT"), daemon_addr=c.six, client_addr="IPv6:" + source)
    packet = talk.data("CONNECT").split(b"\0", 1)[1]
    same("family and address", (packet[:1], packet[3:].rstrip(b"\0")),
         (b"6", source.encode()))


def local(world):
    c = world.contract
    with c.raw["postfix"].playing(ask={"CONNECT": "{daemon_port} {client_port} {client_addr}"}) as talks:
        c.postfix.inject("box@example.org")
        talk = only(talks, 10)
    same("connect", talk.data("CONNECT"), b"localhost\x004\0\x00127.0.0.1\0")
    has("connect", talk.macros("CONNECT"), daemon_port="0", client_port="0", client_addr="127.0.0.1")
    has("helo", talk.macros("HELO"), tls_version=None)
    same("MAIL", talk.data("MAIL"), b"correspondent@example.org\0")
    has("mail", talk.macros("MAIL"), mail_host=None)
    if not talk.macros("MAIL").get("i"):
        raise Failure("no queue id at MAIL")
    has("recipient", talk.macros("RCPT"), rcpt_addr="box@example.org", rcpt_host=None,
        rcpt_mailer=None)


def reinjected(world):
    c = world.contract
    with c.raw["postfix"].playing() as talks:
        with c.client("postfix", 26) as s:
            s.ehlo()
            s.starttls()
            s.mail("correspondent@example.com", "box@example.org")
            wait_for(lambda: talks, "the message to come back", 15)
        talk = only(talks, 15)
    same("connect", talk.data("CONNECT").split(b"\0")[0], b"localhost")
    has("connect", talk.macros("CONNECT"), daemon_addr="127.0.0.1")
    has("helo", talk.macros("HELO"), tls_version=None)


def bounce(world):
    """What the server itself writes reaches no milter."""
    c = world.contract
    with c.raw["postfix"].playing() as talks:
        with c.client("postfix") as s:
            s.ehlo()
            s.mail("box@example.org", "x@bounced.invalid")
        only(talks)
        wait_for(lambda: c.postfix.has("sender non-delivery notification"), "the bounce", 15)
        same("conversations", len(talks), 1)


CASES = [Case("contract/" + name, run) for name, run in (
    ("offer", offer), ("postfix-plain", plain), ("postfix-starttls", starttls),
    ("postfix-client-certificate", client_certificate), ("postfix-next-hop", next_hop),
    ("postfix-parameters", parameters), ("postfix-null-sender", null_sender),
    ("postfix-asked", asked), ("postfix-no-helo", no_helo), ("postfix-rejected", rejected),
    ("postfix-submission", submission), ("postfix-465", wrapped), ("postfix-ipv6", ipv6),
    ("postfix-local", local), ("postfix-reinjected", reinjected), ("postfix-bounce", bounce))]
