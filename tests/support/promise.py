"""What a case of a lab is, and how a broken promise is told."""
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
