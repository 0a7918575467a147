"""The lines that docs/postfix.md and docs/sendmail.md tell people to use, used as they stand.

A snippet is a fenced block whose info string has a name, such as ```main.cf map```.
"""
import os
import re

DOCS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs"))


def snippet(page, name):
    with open(os.path.join(DOCS, page)) as f:
        found = re.findall(rf"^```{re.escape(name)}\n(.*?)^```$", f.read(), re.S | re.M)
    if len(found) != 1:
        raise LookupError(f"docs/{page}: {len(found)} snippets '{name}'")
    return found[0]


def main_cf(name):
    """The settings of a main.cf snippet, in order."""
    lines = re.sub(r"\n[ \t]+", " ", snippet("postfix.md", name)).splitlines()
    return dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in lines
                if line and not line.startswith("#"))
