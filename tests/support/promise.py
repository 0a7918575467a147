"""What a case of a lab is, where its promise stands, and how a broken one is told."""
import os
import re
from dataclasses import dataclass
from typing import Callable

from procs import Failure


class Wrong(Failure):
    """A promise was broken; the message says which, `lines` are the log lines that show it."""

    def __init__(self, what, lines=()):
        super().__init__(what)
        self.lines = list(lines)


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable  # of the world
    # Programs of ours without which the case cannot run.
    needs: tuple = ()


def described(folder):
    """Names in the first column of the tables of promises of a lab's README.md."""
    with open(os.path.join(folder, "README.md")) as f:
        text = f.read().split("## What each case promises")[1].split("\n## ")[0]
    return {name for line in text.split("\n") if line.startswith("| `")
            for name in re.findall(r"`([^`]+)`", line.split("|")[1])}
