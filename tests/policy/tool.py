"""The operator's tool and the sensor, run as they are installed, against the programs of a host."""
import os
import subprocess

from case import Wrong
from programs import IDS

OPERATOR = ("64720", IDS["mxw-op"])  # a person with an account of his own, in the group
STRANGER = ("64799", None)


def as_person(person):
    """The words in front of a command that make it run as somebody; root without any."""
    if not person:
        return []
    number, group = person
    groups = ["--groups", str(group)] if group else ["--clear-groups"]
    return ["setpriv", "--reuid", number, "--regid", number, *groups]


def program(host, name, *argv, code=0, person=None):
    """Runs a program of ours to its end, wants that exit code, and gives what it printed."""
    argv = [*as_person(person), f"{host.world.bin}/{name}", *map(str, argv)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    said = done.stdout + done.stderr
    if done.returncode != code:
        raise Wrong(f"{' '.join(argv)}: exit {done.returncode}, not {code}",
                    said.split("\n") + host.last_words())
    return said


def mxwarden(host, words, *more, **how):
    """`words` are those of the verb and its plain options, divided by blanks."""
    return program(host, "mxwarden", *words.split(), *more,
                   f"--config={host.root}/etc/mxwarden/mxwarden.toml", **how)


def has(said, *wanted):
    for text in wanted:
        if text not in said:
            raise Wrong(f"'{text}' is not in what was said", said.split("\n"))


def folder(host, name):
    """A folder of the host's own for files."""
    path = f"{host.dir}/{name}"
    os.makedirs(path, exist_ok=True)
    return path
