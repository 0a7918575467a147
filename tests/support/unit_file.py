"""Reading unit files (systemd.unit, .service, .socket) as far as our own units go.

A section is a dict from key to the list of its values in order; an empty assignment forgets the
values before it. What a key means is in unit_run.py; keys nobody asks for are not looked at.
"""
import re
import shlex

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "hr": 3600,
         "d": 86400, "": 1}
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
# Paths of ours that a test moves below its own folder.
OURS = re.compile(r"(?<![\w./-])/(?:etc|run|var/lib|var/cache|var/log)/mxwarden")


class UnitError(Exception):
    """The unit file cannot be used; the message names it."""


class UnitFile:
    """One file. `name` is with suffix; `root` is put before our paths in every value."""

    def __init__(self, name, text, root=""):
        self.name, self.root = name, root
        self.stem, self.suffix = name.rsplit(".", 1)
        self.sections = parse(name, text)

    def all(self, section, key):
        return [self.expand(v) for v in self.sections.get(section, {}).get(key, [])]

    def one(self, section, key, default=""):
        values = self.all(section, key)
        return values[-1] if values else default

    def words(self, section, key):
        """The words of all assignments together."""
        return [w for v in self.all(section, key) for w in shlex.split(v)]

    def seconds(self, section, key, default):
        text = self.one(section, key)
        return default if not text else seconds(text)

    def expand(self, text):
        """Specifiers, then the root before our paths."""
        known = {"n": self.name, "N": self.stem, "p": self.stem, "t": "/run", "S": "/var/lib",
                 "C": "/var/cache", "L": "/var/log", "E": "/etc", "%": "%"}
        text = re.sub("%(.)", lambda m: known.get(m.group(1), m.group(0)), text)
        return OURS.sub(lambda m: self.root + m.group(0), text)


def parse(name, text):
    sections, current = {}, None
    for line in text.replace("\\\n", " ").split("\n"):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            current = sections.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        if not equals or current is None:
            raise UnitError(f"{name}: cannot read '{line}'")
        key, value = key.strip(), value.strip()
        if value:
            current.setdefault(key, []).append(value)
        else:
            current[key] = []
    return sections


def seconds(text):
    """A time span such as `5`, `100ms`, `1min 30s`; `infinity` is None."""
    if text == "infinity":
        return None
    if not re.fullmatch(f"(?:{SPAN.pattern})+", text):
        raise UnitError(f"no time span: {text}")
    try:
        return sum(float(number) * UNITS[unit] for number, unit in SPAN.findall(text))
    except KeyError as e:
        raise UnitError(f"no time span: {text}") from e


def exit_statuses(words):
    """Exit codes and signal names of RestartPreventExitStatus= and its like."""
    return {int(w) if w.isdigit() else w for w in words}
