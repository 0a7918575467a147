"""Each program has a user of its own: what the others can do with it, and what they cannot."""
import os
import sys

from case import Wrong, flows, own_host, protects, warm
from cases_trouble import POLICYD
from programs import IDS
from procs import run

HERE = os.path.dirname(os.path.abspath(__file__))
USERS = [u for u in IDS if u not in ("mxw-op", "mxw-ask", "mxw-feed", "mxwarden")]


def as_user(user, *argv, groups=(), check=True):
    number = str(IDS[user])
    how = ["--groups", ",".join(str(IDS[g]) for g in groups)] if groups else ["--clear-groups"]
    return run("setpriv", "--reuid", number, "--regid", number, *how, *argv, check=check)


def files_below(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def stores_closed(world):
    """No user of ours opens a file in another's state folder, for reading or writing."""
    with own_host(world, "closed") as host:
        warm(host)
        tried = 0
        for user in USERS:
            for path in files_below(host.root + "/var/lib/mxwarden"):
                owner = os.stat(path).st_uid
                if owner == IDS[user] or "/operator/" in path:
                    continue
                tried += 1
                for flag in ("<", ">>"):
                    said = as_user(user, "sh", "-c", f'exec 9{flag}"$0" && echo opened', path,
                                   check=False)
                    if "opened" in said:
                        raise Wrong(f"{user} opens {path} ({flag})")
        running = {host.state(u)["pid"] for u in (POLICYD, host.map_unit)}
        uids = {os.stat(f"/proc/{pid}").st_uid for pid in running}
        if len(uids) != 2 or 0 in uids:
            raise Wrong(f"policyd and map run as {uids}")
        if tried < 5 or not host.stores():
            raise Wrong(f"only {tried} files to try")


def hostile_readers(world):
    """Readers of the feed that send rubbish or take nothing harm neither policyd nor the map."""
    with own_host(world, "reader") as host:
        warm(host)
        pid = host.state(POLICYD)["pid"]
        children = [bad_reader(world, host, *one) for one in BAD_READERS]
        try:
            warm(host, "wild.test", "example.net", "two.test")
            flows(host)
            protects(host)
            peak = most_resident(pid)
        finally:
            for child in children:
                world.background.stop(child)
        if host.state(POLICYD)["pid"] != pid:
            raise Wrong("policyd did not survive its readers", host.last_words())
        if peak > 200_000:
            raise Wrong(f"policyd had {peak} KiB among its readers", host.last_words())


# Of users of their own: one user's connections are counted, and those of `silent` are too many.
BAD_READERS = (("rubbish", "mxw-milter", "at it"), ("endless", "mxw-milter", "at it"),
               ("silent", "mxw-report", "served"), ("greedy", "mxw-sensor", "served"))


def bad_reader(world, host, way, user, ready):
    """A child that reads the feed badly, once it has said `ready`."""
    number = str(IDS[user])
    return world.background.start(
        f"reader-{way}", "setpriv", "--reuid", number, "--regid", number, "--groups",
        str(IDS["mxw-feed"]), sys.executable, f"{world.bin}/badreader.py", feed_of(host), way,
        ready=ready)


def feed_of(host):
    return host.root + "/run/mxwarden/policyd/feed.sock"


def strangers_at_the_feed(world):
    """A user that is not on the list gets no row, where one that is gets them."""
    with own_host(world, "stranger") as host:
        warm(host)
        listed = as_user("mxw-milter", *asking_once(world, host))
        if '"op"' not in listed:
            raise Wrong(f"a listed user reads nothing: {listed!r}", host.last_words())
        said = run("setpriv", "--reuid", "64799", "--regid", "64799", "--clear-groups",
                   *asking_once(world, host))
        if said.strip() != "closed":
            raise Wrong("a stranger reads the feed", said.split("\n")[:5])


def asking_once(world, host):
    return (sys.executable, f"{world.bin}/badreader.py", feed_of(host), "once")


ASK = """import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print("no way in")
    sys.exit()
try:
    s.sendall(b'{"v":1,"id":7,"op":"ping"}')
    print(s.recv(4096).decode() or "closed")
except OSError:
    print("closed")
"""


def strangers_at_the_ask_socket(world):
    """Group mxw-ask reaches the ask socket, and of it only users on the list get an answer."""
    with own_host(world, "asker") as host:
        warm(host)
        path = host.root + "/run/mxwarden/policyd/ask.sock"
        at = os.stat(path)
        if (at.st_mode & 0o777, at.st_gid) != (0o660, IDS["mxw-ask"]):
            raise Wrong(f"ask.sock is {at.st_mode & 0o777:o}, group {at.st_gid}")
        for user, groups, wanted in (("mxw-milter", ("mxw-ask",), '"id":7'),
                                     ("mxw-milter", (), "no way in"),
                                     ("mxw-sensor", (), "no way in"),
                                     ("mxw-sensor", ("mxw-ask",), "closed")):
            said = as_user(user, sys.executable, "-c", ASK, path, groups=groups, check=False)
            if wanted not in said:
                raise Wrong(f"{user} in {groups} at the ask socket: {said!r}, not {wanted}")


def most_resident(pid):
    """KiB of memory that a process has held at most since it was started."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
