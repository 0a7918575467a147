"""Nothing of ours stops mail, and what is known keeps protecting: one trouble per case and host."""
import glob
import os
import threading
import time

from case import PATIENCE, Wrong, expect, expect_flow, flows, fresh, own_host, protects, warm
from programs import IDS
from procs import wait_for

POLICYD = "mxwarden-policyd.service"
WATCHDOG = 10  # seconds, WatchdogSec= of mxwarden-map.service
DNS_OUT = f"meta skuid {IDS['mxw-policy']} meta l4proto {{ tcp, udp }} th dport 53"
WEB_OUT = f"meta skuid {IDS['mxw-policy']} tcp dport 443"


class Repeated:
    """Does something again and again in a thread of its own, for a `with` block."""

    def __init__(self, action, every):
        self.action, self.every = action, every
        self.count, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.over.wait(self.every):
            self.action()
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def traffic(host, seconds, pause=0.3, enough=lambda: True):
    """Messages to domains without policy at a steady pace, until it is enough; their recipients."""
    recipients, end = [], time.monotonic() + seconds
    while time.monotonic() < end or (not enough() and time.monotonic() < end + 60):
        recipients.append(host.send(fresh()))
        time.sleep(pause)
    return recipients


def kill_map(host):
    """Kill the map and wait for the next one to serve: on a busy machine that may take longer than
    the pause between two deaths, and a map that is killed before it serves is just no map."""
    dead = host.state(host.map_unit)["pid"]
    host.kill(host.map_unit)

    def back():
        state = host.state(host.map_unit)
        return state["state"] == "active" and state["pid"] not in (dead, None)
    wait_for(back, "the map to be back", 60)


def map_kill_loop(world):
    """The map dies after each second of service while mail flows; the unit's socket makes it a short
    wait. Postfix asks once again when a connection breaks: it survives one death in a question."""
    with own_host(world, "mapkill") as host:
        warm(host)
        before = host.state(host.map_unit)["restarts"]
        with Repeated(lambda: kill_map(host), 1.0) as killer:
            recipients = traffic(host, 8, enough=lambda: killer.count >= 5)
            expect_flow(host, recipients)
        restarts = host.state(host.map_unit)["restarts"] - before
        if killer.count < 5 or restarts != killer.count:
            raise Wrong(f"{killer.count} kills, {restarts} restarts", host.last_words())
        protects(host)


def map_stopped_watchdog(world):
    """A map that hangs is killed by its watchdog; mail waits for that and leaves at its first try."""
    with own_host(world, "maphang") as host:
        warm(host)
        pid = host.state(host.map_unit)["pid"]
        host.kill(host.map_unit, "SIGSTOP")
        waiting = host.send("nopolicy.test")
        wait_for(lambda: host.state(host.map_unit)["pid"] not in (pid, None),
                 "the watchdog to kill the map", 40)
        outcome = expect(host, waiting, status="sent")
        if outcome.seconds > WATCHDOG + PATIENCE:
            raise Wrong(f"mail left {outcome.seconds} s after the map hung", host.last_words())
        wait_for(lambda: host.state(host.map_unit)["state"] == "active", "the map to be back")
        flows(host)
        protects(host)


def policyd_stopped(world):
    with own_host(world, "sigstop") as host:
        warm(host)
        host.kill(POLICYD, "SIGSTOP")
        flows(host, 8)
        protects(host)


def policyd_kill_loop(world):
    with own_host(world, "killloop") as host:
        warm(host)
        with Repeated(lambda: host.kill(POLICYD), 0.4):
            recipients = traffic(host, 6)
            expect_flow(host, recipients)
            protects(host)
        wait_for(lambda: host.state(POLICYD)["state"] == "active", "policyd to be back")
        # Nothing broke for good: a domain that nobody asked for is learned.
        warm(host, "wild.test")


def disk_full(world):
    with own_host(world, "diskfull", state_size="1m") as host:
        warm(host)
        fill(host.root + "/var/lib/mxwarden/filler")
        flows(host)
        protects(host)
        # A policy that cannot be written down may be unknown, but must not stop anything.
        host.ask("wild.test")
        host.kill(POLICYD)
        host.kill(host.map_unit)
        wait_for(lambda: host.state(host.map_unit)["state"] == "active", "the map to be back")
        flows(host)
        # Neither could write on its way down: what policyd's store had before is told again.
        warm(host, "good.test", "stripped.test")
        protects(host)


def fill(path):
    """Write until there is no room for another octet."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while True:
                    f.write(b"\0" * size)
            except OSError:
                pass


def store_corrupt(world):
    with own_host(world, "corrupt") as host:
        warm(host)
        host.stop(POLICYD)
        if not host.stores():
            raise Wrong("policyd has no store file", os.listdir(host.root + "/var/lib/mxwarden"))
        for path in host.stores():
            with open(path, "r+b") as f:
                f.write(os.urandom(max(4096, os.path.getsize(path))))
        host.begin(POLICYD)
        flows(host)
        protects(host)
        warm(host, "wild.test")


def store_missing(world):
    with own_host(world, "missing") as host:
        warm(host)
        for path in host.stores():
            for name in glob.glob(path + "*"):
                os.unlink(name)
        flows(host)
        host.kill(POLICYD)
        wait_for(lambda: host.state(POLICYD)["state"] == "active", "policyd to be back")
        flows(host)
        protects(host)
        warm(host, "wild.test")


def cache_unreadable(world):
    """The map's own copy is spoiled and the owner is away: it knows nothing, and says so."""
    with own_host(world, "cache") as host:
        warm(host)
        host.stop(host.map_unit)
        host.stop(POLICYD)
        spoilt = [p for p in glob.glob(host.state_folder("map") + "/**", recursive=True)
                  if os.path.isfile(p)]
        if not spoilt:
            raise Wrong("the map wrote no cache when it was stopped", host.last_words())
        for at, path in enumerate(spoilt):
            with open(path, "wb") as f:
                f.write(b"{\"v\":1,\xff\0" * 100)
            os.chmod(path, 0 if at % 2 else 0o600)
        host.begin(host.map_unit)
        flows(host)
        host.begin(POLICYD)
        warm(host)
        protects(host)


def owner_absent(world):
    """The map goes on answering with policyd stopped, and after its own restart too."""
    with own_host(world, "absentowner") as host:
        warm(host)
        host.stop(POLICYD)
        protects(host)
        host.stop(host.map_unit)
        host.begin(host.map_unit)
        warm(host, "good.test", "stripped.test")
        protects(host)
        flows(host)


def out_of_reach(*rules):
    """DNS or the policy host is down for policyd: what is cached protects, restarted or not."""
    def run(world):
        with own_host(world, f"down{len(rules)}{rules[0][-2:].strip()}") as host:
            warm(host)
            host.firewall(*rules)
            protects(host)
            flows(host)
            host.kill(POLICYD)
            wait_for(lambda: host.state(POLICYD)["state"] == "active", "policyd to be back")
            protects(host)
            flows(host)
            host.firewall()
            warm(host, "wild.test")
    return run


def brief_policy(world):
    """A policy of one second binds the questions of its own fetch; a minute later it is over."""
    with own_host(world, "brief") as host:
        host.ask("brief.test")
        wait_for(lambda: host.ask("brief.test") == "NOTFOUND ", "the policy to end", 20)
        expect_flow(host, [host.send("brief.test")])


def sendmail_batch(host, seconds):
    """Messages through Sendmail for a while, one after the other; recipient and outcome of each."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        recipient, outcome = host.attempt_sendmail(fresh())
        if time.monotonic() - begun > PATIENCE:
            raise Wrong(f"{recipient}: {time.monotonic() - begun:.1f} s", host.last_words())
        found.append((recipient, outcome))
    return found


def sendmail_policyd_stopped(world):
    with own_host(world, "smstop", with_sendmail=True) as host:
        warm(host)
        host.kill(POLICYD, "SIGSTOP")
        for recipient, outcome in sendmail_batch(host, 5):
            if outcome.status != "sent":
                raise Wrong(f"{recipient}: {outcome}", outcome.text.split("\n"))
        sendmail_protects(host)


def sendmail_protects(host):
    stripped = host.deliver_sendmail("stripped.test")
    if (stripped.status, stripped.dsn) != ("deferred", "403 4.7.0"):
        raise Wrong(f"stripped.test: {stripped}", stripped.text.split("\n"))


def sendmail_kill_observed(world):
    """With `-t` a map that dies in the middle of a question changes nothing."""
    with own_host(world, "smobserve", "observe", with_sendmail=True) as host:
        with Repeated(lambda: host.kill(host.map_unit), 0.5):
            for recipient, outcome in sendmail_batch(host, 6):
                if outcome.status != "sent":
                    raise Wrong(f"{recipient}: {outcome}", outcome.text.split("\n"))


def sendmail_kill_enforced(world):
    """With `-T<TMPF>` Sendmail, which asks no second time, may hold a message until its next try."""
    with own_host(world, "smenforce", with_sendmail=True) as host:
        warm(host)
        with Repeated(lambda: host.kill(host.map_unit), 1.0):
            found = sendmail_batch(host, 6)
        warm(host)
        held = [(r, o) for r, o in found if o.status != "sent"]
        for recipient, outcome in held:
            if outcome.dsn != "450 4.7.0":
                raise Wrong(f"{recipient}: {outcome}", outcome.text.split("\n"))
        if len(held) > len(found) / 2:
            raise Wrong(f"{len(held)} of {len(found)} held", host.last_words())
        host.sendmail.run_queue()
        for recipient, _ in held:
            wait_for(lambda r=recipient: host.sendmail.outcome(r, "").status == "sent",
                     f"{recipient}, held with 450, to leave at the next try", 10)
        sendmail_protects(host)
