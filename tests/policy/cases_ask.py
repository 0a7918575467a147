"""What policyd tells reportd: about names on its ask socket, and on its feed what it saw fail."""
import json
import sys

from case import Wrong, own_host, warm
from cases_rights import as_user
from domains import ADDRESS
from procs import wait_for
from zones import KEY, RUA

# Sends the questions of its second argument and prints each answer as a line.
ASK = """import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(20)
s.connect(sys.argv[1])
questions = json.loads(sys.argv[2])
for at, (op, name) in enumerate(questions):
    s.sendall(json.dumps({"v": 1, "id": at, "op": op, "domain": name}).encode())
for _ in questions:
    print(s.recv(65536).decode())
"""
# Reads the feed until nothing has come for half a second.
FEED = """import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(0.5)
s.connect(sys.argv[1])
s.sendall(b'{"v":1,"from":0}\\n')
try:
    while text := s.recv(65536):
        sys.stdout.buffer.write(text)
except TimeoutError:
    pass
"""
# (op, name) -> state, dns, authenticated
ANSWERS = {
    ("tlsrpt", "good.test"): ("found", "ok", False),
    ("tlsrpt", "example.org"): ("found", "ok", True),
    ("tlsrpt", "nopolicy.test"): ("denied", "nxdomain", False),
    ("tlsrpt", "daneless.example.org"): ("denied", "nxdomain", True),
    ("tlsrpt", "wild.test"): ("invalid", "ok", False),
    ("dkim-key", "s1._domainkey.good.test"): ("found", "ok", False),
    ("dkim-key", "s2._domainkey.good.test"): ("denied", "nxdomain", False),
    ("address", "mx.good.test"): ("found", "ok", False),
    ("address", "good.test"): ("denied", "nodata", False),
    ("address", "nobody.test"): ("denied", "nxdomain", False),
}
for _zone, _word in (("bogus.test", "bogus"), ("unloaded.test", "servfail"),
                     ("silent.test", "timeout")):
    for _op, _label in (("tlsrpt", ""), ("dkim-key", "s1._domainkey."), ("address", "host.")):
        ANSWERS[(_op, _label + _zone)] = ("failed", _word, False)


def names(world):
    """Each verb, with everything that DNS can say."""
    with own_host(world, "names") as host:
        path = host.root + "/run/mxwarden/policyd/ask.sock"
        said = as_user("mxw-report", sys.executable, "-c", ASK, path,
                       json.dumps(list(ANSWERS)), groups=("mxw-ask",))
        answers = {a["id"]: a for a in map(json.loads, said.splitlines())}
        for at, (question, wanted) in enumerate(ANSWERS.items()):
            got = answers.get(at, {})
            if (got.get("state"), got.get("dns"), got.get("authenticated")) != wanted:
                raise Wrong(f"{question}: {got}, not {wanted}", host.last_words())
            content = {("tlsrpt", "good.test"): ("records", [RUA]),
                       ("dkim-key", "s1._domainkey.good.test"): ("records", [KEY]),
                       ("address", "mx.good.test"): ("addresses", [ADDRESS["mx.good.test"]])
                       }.get(question)
            if content and got.get(content[0]) != content[1]:
                raise Wrong(f"{question}: {got}, not {content}")
        # What was asked is kept, also of domains whose policy nobody asked for.
        records = rows(host, "tlsrpt")
        wanted = {"good.test": RUA, "example.org": RUA, "nopolicy.test": "", "wild.test": ""}
        for domain, record in wanted.items():
            if records.get((domain, "")) is None or records[domain, ""]["record"] != record:
                raise Wrong(f"no row for {domain}: {records}")
        if any(domain.endswith(("bogus.test", "silent.test")) for domain, _ in records):
            raise Wrong(f"what failed is kept as if it were an answer: {records}")


def failures(world):
    """What a look finds broken is told with its RFC 8460 type; it ends with the first good look."""
    with own_host(world, "failures") as host:
        warm(host)
        wanted = {("hostname.test", ""): "sts-webpki-invalid",
                  ("hostexpired.test", ""): "sts-webpki-invalid",
                  ("missing.test", ""): "sts-policy-fetch-error",
                  ("redirect.test", ""): "sts-policy-fetch-error",
                  ("danelost.example.org", "mx.danelost.example.org"): "dnssec-invalid"}
        for domain, _ in wanted:
            host.ask(domain)

        def told():
            return {key: row["result"] for key, row in rows(host, "failure").items()
                    if "to" not in row}
        wait_for(lambda: told() == wanted, f"{wanted} on the feed, last: {told()}", 30)


def rows(host, table):
    """The rows of a table that the feed tells to mxw-report, by domain and MX host."""
    text = as_user("mxw-report", sys.executable, "-c", FEED,
                   host.root + "/run/mxwarden/policyd/feed.sock")
    lines = [json.loads(line) for line in text.splitlines()]
    return {(line["row"]["domain"], line["row"].get("mx_host", "")): line["row"]
            for line in lines if line.get("table") == table}
