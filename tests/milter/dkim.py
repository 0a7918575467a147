"""A DKIM signature (RFC 6376, relaxed/relaxed, rsa-sha256) by hand, so that no milter has to make it."""
import base64
import hashlib
import re
import subprocess

from procs import run

SIGNED = ("from", "subject", "date", "message-id")


def make_key(path):
    """Writes a key; its record."""
    run("openssl", "genrsa", "-out", path, "1024")
    der = subprocess.run(["openssl", "rsa", "-in", path, "-pubout", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


def canonical(header):
    name, value = header.split(":", 1)
    return name.lower().strip() + ":" + re.sub(r"[ \t\r\n]+", " ", value).strip()


def signature(key, domain, selector, headers, body):
    """The header for these header lines and a body that ends with one CRLF and has no blanks to fold."""
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    field = (f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector};\r\n"
             f"\th={':'.join(SIGNED)}; bh={digest};\r\n\tb=")
    chosen = [next(h for h in headers if h.lower().startswith(name + ":")) for name in SIGNED]
    text = "".join(canonical(h) + "\r\n" for h in chosen) + canonical(field)
    made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), check=True,
                          capture_output=True).stdout
    return field + base64.b64encode(made).decode()
