"""What all cases with our program use."""
import contextlib

from hosts import Host


@contextlib.contextmanager
def own_host(world, name, mta="postfix", knowledge=True, **how):
    """A host for one case alone: what is done to it disturbs no other. `knowledge`: True is the common
    one, None nobody."""
    host = Host(world, name, mta, world.knowledge if knowledge is True else knowledge)
    try:
        yield host.up(**how)
    finally:
        host.down()
