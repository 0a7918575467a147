#!/usr/bin/env python3
"""Scripted SMTP clients for what an MTA does not do by itself.

    clients.py probe|auth-plain|auth-login|auth-tls ADDRESS

The user and the password are made up; the server of the lab knows them.
"""
import smtplib
import ssl
import sys

USER, PASSWORD = "archivist@example.org", "not-a-real-secret"
MAIL = "Subject: lab\r\n\r\nOne line.\r\n"


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


WAYS = {"probe": probe,
        "auth-plain": lambda a: auth(a, "PLAIN", False),
        "auth-login": lambda a: auth(a, "LOGIN", False),
        "auth-tls": lambda a: auth(a, "PLAIN", True)}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2])
