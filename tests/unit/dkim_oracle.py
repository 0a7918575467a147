#!/usr/bin/env python3
"""Debian's python3-dkim as the other side of tests/unit/dkim_oracle_test.cpp.

usage: dkim_oracle.py FOLDER

A line of standard input is a task, its files are in FOLDER; a line of output is its answer, behind
`present`.

  verify MESSAGE RECORD     `pass` or `fail` for a TLS report, l= refused
  sign MESSAGE PEM ALGORITHM HEADER_FORM BODY_FORM whole|length OUT     `signed`
"""
import base64
import os
import sys

import dkim
import nacl  # noqa: F401  dkim takes Ed25519 only with it


def verify(message, record):
    text = read(record)
    good = dkim.verify(read(message), dnsfunc=lambda name, timeout=5: text, tlsrpt="strict")
    return "pass" if good else "fail"


def sign(message, pem, algorithm, header, body, length, out):
    key = read(pem)
    if algorithm == "ed25519-sha256":
        # The seed is the end of the PKCS #8 structure (RFC 8410 section 7).
        der = base64.b64decode(b"".join(key.splitlines()[1:-1]))
        key = base64.b64encode(der[-32:])
    field = dkim.sign(read(message), b"s2026", b"reports.example.net", key,
                      canonicalize=(header.encode(), body.encode()),
                      signature_algorithm=algorithm.encode(), length=length == "length")
    with open(out, "wb") as f:
        f.write(field)
    return "signed"


def read(name):
    with open(name, "rb") as f:
        return f.read()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    print("present")
    for line in sys.stdin:
        task, *arguments = line.split()
        print({"verify": verify, "sign": sign}[task](*arguments))
