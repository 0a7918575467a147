#!/usr/bin/env python3
"""No local part and no octet of AUTH in any output at the default privacy.

usage: privacy.py SENSOR         (MXWARDEN_CORPUS, where set, adds the corpus to our own captures)

What must not appear is read from the captures by a reader of its own (wire.py) and, for the corpus,
from truth/: senders and recipients, addresses in replies, everything a client sends after an AUTH
mechanism. Looked at: EVE, text, the manifest and standard error. The search must find leaks when
the same captures are replayed with `--privacy full`, and every AUTH secret in a text that holds it.
"""
import base64
import binascii
import json
import re
import sys
import tempfile
from pathlib import Path

import corpus
import wire

SHORTEST_WORD = 6  # characters of a local part or secret that is looked for as a word by itself
LEAST_OWN, LEAST_CORPUS = 40, 30  # captures with something to hide
ENVELOPE = re.compile(rb"(?im)^(?:MAIL FROM|RCPT TO)\s*:\s*<?(?:@[^:\r\n]*:)?"
                      rb"([^\r\n<>@\s]+)@([^\r\n<>@\s]+)")
REPLY = re.compile(rb"(?m)^[2-5]\d\d[ -][^\r\n]*")
ADDRESS = re.compile(rb"([A-Za-z0-9_.+=-]+)@([A-Za-z0-9][A-Za-z0-9.-]*)")
AUTH = re.compile(rb"(?im)^AUTH[ \t]+\S+")
VERB = re.compile(rb"(?i)(EHLO|HELO|MAIL|RCPT|DATA|BDAT|RSET|NOOP|QUIT|STARTTLS|AUTH)\b")
WORD = re.compile(r"[A-Za-z0-9_.+-]+")
# Any address, known or not: only `*@domain` may stand in an output.
ANY_ADDRESS = re.compile(r"([^\s\"<>,;:()\[\]]+)@[A-Za-z0-9\[]")


class Secrets:
    def __init__(self):
        self.addresses = set()  # (local part, domain), lower case
        self.auth = set()       # octets as sent, and decoded

    def add_address(self, local, domain):
        local = local.decode("latin1").strip("\"'").lower()
        domain = domain.decode("latin1").rstrip(".>").lower()
        if local:
            self.addresses.add((local, domain))

    def add_auth(self, octets):
        octets = octets.strip()
        if len(octets) >= SHORTEST_WORD and octets != b"*":
            self.auth.add(octets)
        try:
            decoded = base64.b64decode(octets, validate=True)
        except (binascii.Error, ValueError):
            return
        self.auth.update(part for part in decoded.split(b"\0") if len(part) >= SHORTEST_WORD)


def auth_of(client, secrets):
    for match in AUTH.finditer(client):
        lines = client[match.end():match.end() + 8192].split(b"\n")
        secrets.add_auth(lines[0])
        for line in lines[1:6]:
            if VERB.match(line):
                break
            secrets.add_auth(line)


def secrets_of(path, truth):
    """What a capture holds that no output may show."""
    found = Secrets()
    for octets in wire.streams(path).values():
        for local, domain in ENVELOPE.findall(octets):
            found.add_address(local, domain)
        auth_of(octets, found)
        for reply in REPLY.findall(octets[:65536]):
            for local, domain in ADDRESS.findall(reply):
                found.add_address(local, domain)
    for stream in truth.get("smtp_streams", []):
        dialog = stream["dialog"]
        for entry in dialog.get("mail_from_clear", []) + dialog.get("rcpt_to_clear", []):
            for local, domain in ADDRESS.findall(entry["arg"].encode("latin1", "replace")):
                found.add_address(local, domain)
    return found


def strings_of(value):
    """All strings of a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings_of(item)


def leaks_in(texts, secrets):
    """What of `secrets` the texts show."""
    leaks = set()
    whole = "\n".join(texts)
    folded = whole.lower()
    words = set(WORD.findall(folded))
    words |= {word.rstrip(".") for word in words}
    for local, domain in secrets.addresses:
        if f"{local}@{domain}" in folded:
            leaks.add(f"address {local}@{domain}")
        if len(local) >= SHORTEST_WORD and local in words:
            leaks.add(f"local part {local}")
    for octets in secrets.auth:
        if octets.decode("latin1") in whole:
            leaks.add(f"AUTH {octets!r}")
    for local in ANY_ADDRESS.findall(whole):
        if not local.endswith("*"):
            leaks.add(f"something that reads as an address: {local}@")
    return leaks


def eve_texts(out):
    return [text for line in out.splitlines() for text in strings_of(json.loads(line))]


def outputs(sensor, path, scratch):
    """name -> texts of each kind of output at the default privacy."""
    manifest = scratch / "case.json"
    eve = corpus.run(sensor, [path], "--manifest", manifest, "--why", "R01")
    text = corpus.run(sensor, [path], format="text")
    for ended in (eve, text):
        if ended.trouble():
            raise AssertionError(f"{path.name}: {ended.trouble()}")
    made = {"eve": eve_texts(eve.out), "text": [text.out.decode("utf-8", "replace")],
            "stderr": [eve.err.decode("utf-8", "replace"), text.err.decode("utf-8", "replace")]}
    if manifest.exists():
        made["manifest"] = list(strings_of(json.loads(manifest.read_text(encoding="utf-8"))))
    return made


def check(sensor, path, truth):
    """(failures, something to hide, AUTH secrets, `--privacy full` is caught)."""
    secrets = secrets_of(path, truth)
    failures = []
    with tempfile.TemporaryDirectory(prefix="mxw-privacy-") as scratch:
        for kind, texts in outputs(sensor, path, Path(scratch)).items():
            failures += [f"{path.name}: {kind} shows {leak}"
                         for leak in sorted(leaks_in(texts, secrets))]
    for octets in secrets.auth:
        if not leaks_in([f"C frame 7: {octets.decode('latin1')}"], secrets):
            failures.append(f"{path.name}: the search does not find {octets!r}")
    full = corpus.run(sensor, [path], "--privacy", "full")
    caught = bool(secrets.addresses) and bool(leaks_in(eve_texts(full.out), secrets))
    return failures, bool(secrets.addresses or secrets.auth), len(secrets.auth), caught


def corpus_inputs(folder):
    for row in corpus.manifest(folder):
        truth = folder / "truth" / (row["path"].replace("/", "__") + ".json")
        yield folder / row["path"], json.loads(truth.read_text(encoding="utf-8"))


def check_all(name, sensor, inputs, least):
    results = corpus.in_parallel(lambda item: check(sensor, *item), inputs)
    failures = [line for result in results for line in result[0]]
    hiding, auth, caught = (sum(int(r[i]) for r in results) for i in (1, 2, 3))
    if hiding < least or caught < least * 3 // 4 or auth == 0:
        failures.append(f"{name}: {hiding} captures with secrets, {auth} of AUTH, leaks found in "
                        f"{caught}: the test does not see enough")
    said = f"{name} {hiding} captures with secrets, {auth} of AUTH, `full` caught in {caught}"
    return said, failures


def main():
    sensor = sys.argv[1]
    own = [(path, {}) for path in corpus.own_captures()]
    said, failures = check_all("own", sensor, own, LEAST_OWN)
    folder = corpus.root()
    if folder is None:
        print("corpus absent: not compared")
    else:
        more, found = check_all("corpus", sensor, list(corpus_inputs(folder)), LEAST_CORPUS)
        said, failures = f"{said}; {more}", failures + found
    corpus.finish("privacy", said, failures)


if __name__ == "__main__":
    main()
