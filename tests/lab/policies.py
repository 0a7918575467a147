"""The policies that belong to the captures, as files for `--policies`."""
import datetime
import json
import os

ORG = "version: STSv1\nmode: enforce\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 31557600\n"
SIX = "version: STSv1\nmode: enforce\nmx: mx6.example.org\nmax_age: 2419200\n"
NET = "version: STSv1\nmode: testing\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 604800\n"
PLAIN = "version: STSv1\nmode: none\nmax_age: 86400\n"


def write(folder):
    """Existing policies stay: they must be older than the captures that use them."""
    os.makedirs(folder, exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    fetched = now - datetime.timedelta(hours=6)
    for domain, ident, text, days in (("example.org", "20261101", ORG, 365),
                                      ("six.example.org", "20261101", SIX, 28),
                                      ("example.net", "20261018", NET, 7),
                                      ("plain.test", "20260904", PLAIN, 1)):
        path = os.path.join(folder, domain)
        if os.path.exists(path + ".txt"):
            continue
        with open(path + ".txt", "w", newline="") as f:
            f.write(text.replace("\n", "\r\n"))
        side = {"id": ident, "fetched_at": stamp(fetched),
                "valid_until": stamp(fetched + datetime.timedelta(days=days))}
        with open(path + ".json", "w") as f:
            f.write(json.dumps(side) + "\n")


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
