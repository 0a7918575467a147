#!/usr/bin/env python3
"""Scripted SMTP clients for what an MTA does not do by itself.

    clients.py probe|auth-plain|auth-login|auth-tls|smuggle|bare-lf-dot|http-post ADDRESS

The user and the password are made up; the server of the lab knows them.
"""
import smtplib
import socket
import ssl
import sys

USER, PASSWORD = "archivist@example.org", "not-a-real-secret"
MAIL = "Subject: lab\r\n\r\nOne line.\r\n"

# A dot between a bare LF and CRLF: some servers take it for the end of the message, some do not.
FIRST = b"Subject: lab\r\n\r\nOne line.\n.\r\n"
SMUGGLED = (b"MAIL FROM:<treasurer@open.test>\r\nRCPT TO:<bookkeeping@open.test>\r\nDATA\r\n"
            b"From: treasurer@open.test\r\nSubject: another message\r\n\r\nOne line.\r\n.\r\n")
MORE_TEXT = b"Second line, data follow.\r\n.\r\n"
POST = (b"POST /contact HTTP/1.1\r\nHost: mx1.example.org:25\r\nUser-Agent: lab\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nname=visitor")


def probe(address):
    """What monitors do: look at the greeting and go."""
    with smtplib.SMTP(address, 25, local_hostname="monitor.example.com") as smtp:
        smtp.ehlo()


def auth(address, mechanism, tls):
    with smtplib.SMTP(address, 587, local_hostname="laptop.example.org") as smtp:
        if tls:
            ctx = ssl.create_default_context()
            ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
            smtp.starttls(context=ctx)
        smtp.ehlo()
        smtp.user, smtp.password = USER, PASSWORD
        # As most clients do, PLAIN goes with its initial response, LOGIN without.
        if mechanism == "PLAIN":
            smtp.auth("PLAIN", smtp.auth_plain)
        else:
            smtp.auth("LOGIN", smtp.auth_login, initial_response_ok=False)
        smtp.sendmail(USER, ["bookkeeping@open.test"], MAIL)


def raw_message(address, rcpt, content):
    """Content goes out as it is, without dot-stuffing; all replies up to the goodbye are read."""
    with socket.create_connection((address, 25), 10) as sock:
        replies = sock.makefile("rb")
        steps = (b"EHLO app.example.com\r\n", b"MAIL FROM:<correspondent@example.com>\r\n",
                 b"RCPT TO:<" + rcpt + b">\r\n", b"DATA\r\n", content)
        for step in steps:
            read_reply(replies)
            sock.sendall(step)
        read_reply(replies)
        sock.sendall(b"QUIT\r\n")
        while read_reply(replies)[:3] not in (b"221", b""):
            pass


def read_reply(replies):
    """The last line of the next reply; empty at the end of the connection."""
    line = replies.readline()
    while line[3:4] == b"-":
        line = replies.readline()
    return line


def http_post(address):
    """A browser that was led to the mail port does not wait for a greeting."""
    with socket.create_connection((address, 25), 10) as sock:
        sock.sendall(POST)
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass


WAYS = {"probe": probe,
        "auth-plain": lambda a: auth(a, "PLAIN", False),
        "auth-login": lambda a: auth(a, "LOGIN", False),
        "auth-tls": lambda a: auth(a, "PLAIN", True),
        "smuggle": lambda a: raw_message(a, b"bookkeeping@open.test", FIRST + SMUGGLED),
        "bare-lf-dot": lambda a: raw_message(a, b"bookkeeping@plain.test", FIRST + MORE_TEXT),
        "http-post": http_post}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2])
