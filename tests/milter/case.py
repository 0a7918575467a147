"""What all cases with our program use."""
import contextlib
import threading

from hosts import DEFERS, RELAYS, Host
from procs import wait_for

KINDS = {"plain": RELAYS, "defer": DEFERS}
_lock = threading.Lock()


@contextlib.contextmanager
def own_host(world, name, mta="postfix", knowledge=True, **how):
    """A host for one case alone: what is done to it disturbs no other. `knowledge`: True is the common
    one, None nobody."""
    host = Host(world, name, mta, world.knowledge if knowledge is True else knowledge)
    try:
        yield host.up(**how)
    finally:
        host.down()


@contextlib.contextmanager
def shared(world, kind, mta):
    """The host of that kind that many cases use, each with domains of its own."""
    with _lock:
        entry = world.shared.setdefault((kind, mta), [threading.Lock(), None])
    with entry[0]:
        if not entry[1]:
            entry[1] = Host(world, f"{kind}-{mta[0]}", mta, world.knowledge).up(KINDS[kind])
    yield entry[1]


def last_event(host, kind, **wanted):
    """Waits for an event with these members."""
    def found():
        return [e for e in host.events(kind) if all(e.get(k) == v for k, v in wanted.items())]
    wait_for(found, f"an event {kind} with {wanted}; the last: {host.events(kind)[-1:]}", 10)
    return found()[-1]
