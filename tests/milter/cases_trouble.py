"""Whatever becomes of the milter: no mail is lost, none is held that should not be."""
import os
import signal
import socket
import subprocess
import threading
import time

from case import last_event, own_host
from cases_defer import NEEDS, VERDICTS, blocked
from cases_mail import arrived
from hosts import DEFERS, RELAYS, UNIT, deferred, taken
from knowledge import Knowledge
from procs import run, wait_for
from promise import Case, Wrong
from smtp import OUTSIDE
from world import STRANGER

PATIENCE = 30  # seconds in which a message gets through a stopped milter (semantics 12)


def resume(pid):
    """It may be gone: the supervisor kills what hangs."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def works_again(world, host):
    """The milter takes part in mail again."""
    domain, _ = world.domain()

    def look():
        host.flows(f"after@{domain}")
        time.sleep(0.2)
        return any(e.get("domain") == domain for e in host.events("decision"))
    wait_for(look, f"the milter to be back; {host.last_words(3)}", 20)


def stopped(mta):
    """SIGSTOP: relayed, inbound and local mail gets through; afterwards the milter is back."""
    def check(world):
        with own_host(world, "stop-" + mta[0], mta, settings=DEFERS) as host:
            domain, _ = world.domain()
            host.flows(f"before@{domain}")
            pid = host.pid
            os.kill(pid, signal.SIGSTOP)
            try:
                begun = time.monotonic()
                threads = [threading.Thread(target=host.flows, args=(f"s{n}@{domain}",)) for n in range(6)]
                for thread in threads:
                    thread.start()
                with host.client(source=STRANGER) as s:
                    s.ehlo()
                    for reply in s.mail("a@example.net", "box@example.org", headers=["Subject: stopped"]):
                        taken("inbound", reply)
                if mta == "postfix":
                    host.server.inject(f"local@{domain}")
                    world.sink.wait(f"local@{domain}", PATIENCE)
                host.arrived("Subject: stopped")
                for thread in threads:
                    thread.join()
                for n in range(6):
                    world.sink.wait(f"s{n}@{domain}", 1)
                if (seconds := time.monotonic() - begun) > PATIENCE:
                    raise Wrong(f"{seconds:.0f} s")
            finally:
                resume(pid)
            works_again(world, host)
    return check


def stopped_in_between(world):
    """SIGSTOP after RCPT: the session ends well all the same."""
    with own_host(world, "midstop", settings=DEFERS) as host, \
            own_host(world, "midstop-s", "sendmail", settings=DEFERS) as other:
        domain, _ = world.domain()
        for one in (host, other):
            with one.client() as s:
                s.ehlo()
                s.need("MAIL FROM:<a@example.com>")
                s.need(f"RCPT TO:<{one.mta}@{domain}>")
                pid = one.pid
                os.kill(pid, signal.SIGSTOP)
                begun = time.monotonic()
                taken(one.mta, s.say(f"RCPT TO:<{one.mta}2@{domain}>"))
                taken(one.mta, s.body("Subject: midstop"))
                if time.monotonic() - begun > PATIENCE:
                    raise Wrong(f"{time.monotonic() - begun:.0f} s")
                resume(pid)
            world.sink.wait(f"{one.mta}2@{domain}")


def kill_loop(mta):
    """Killed again and again in mid-traffic."""
    def check(world):
        with own_host(world, "kill-" + mta[0], mta, settings=DEFERS) as host:
            domain, _ = world.domain()
            load = subprocess.Popen(["ip", "netns", "exec", OUTSIDE, "smtp-source", "-s", "4", "-m", "120", "-d", "-N",
                                     "-f", "a@example.com", "-t", f"m@{domain}", f"{host.address}:25"],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            world.children.append(load)
            kills = 0
            while load.poll() is None:
                host.kill(UNIT)
                kills += 1
                time.sleep(0.25)
            said = load.stdout.read()
            if load.returncode or kills < 2:
                raise Wrong(f"smtp-source: {load.returncode}, {kills} kills: {said}")
            wait_for(lambda: arrived(world, domain) == 120, f"120 mails, not {arrived(world, domain)}", 30)
    return check


def killed_in_between(world):
    """Killed at each step of one session: every reply is a yes, and the mail arrives."""
    with own_host(world, "midkill", settings=DEFERS) as host, \
            own_host(world, "midkill-s", "sendmail", settings=DEFERS) as other:
        domain, _ = world.domain()
        for one in (host, other):
            for step in range(4):
                wait_for(lambda: one.state(UNIT)["state"] == "active", "the milter", 10)
                recipient = f"{one.mta}{step}@{domain}"
                with one.client() as s:
                    for number, line in enumerate(("EHLO client.example.com", "MAIL FROM:<a@example.com>",
                                                   f"RCPT TO:<{recipient}>")):
                        if step == number:
                            one.kill(UNIT)
                        taken(f"{one.mta}, killed before step {step}, {line}", s.say(line))
                    if step == 3:
                        one.kill(UNIT)
                    taken(f"{one.mta}, killed before step {step}, the mail", s.body("Subject: midkill"))
                world.sink.wait(recipient)


def fill(folder):
    """Until not one octet has room."""
    size = 65536
    with open(folder + "/filler", "wb", buffering=0) as f:
        while size:
            try:
                f.write(b"\0" * size)
            except OSError:
                size //= 2


def held_rightly(world, host, domain, other, mark):
    """What is under a verdict may be deferred, what is not flows."""
    reply = host.rcpt(f"{mark}@{domain}")
    if reply[:3] not in ("250", "451"):
        raise Wrong(f"{mark}: {reply}")
    host.flows(f"{mark}@{other}")
    return reply


def without_memory(host):
    """Decisions not to defer since no deferral could be remembered."""
    return host.metric("reasons_total", '"no-memory"')


def disk_full(world):
    """All state on a full file system: in mid-work, and from the start. What is not written is counted, and
    what cannot be remembered is not deferred."""
    with own_host(world, "full", settings=DEFERS, state_size="1m") as host:
        domain, _ = blocked(world)
        other, _ = world.domain()
        host.knows(domain, "blocked")
        fill(host.root + "/var/lib/mxwarden")
        for n in range(20):
            held_rightly(world, host, domain, other, f"full{n}")
        for what in ("rows_total", "events_total"):
            wait_for(lambda: host.metric(what, '"lost"') > 0, f"{what} to be lost", 10)
        wait_for(lambda: host.rcpt("full99@" + domain).startswith("250"), "no first deferral any more", 10)
        if not without_memory(host):
            raise Wrong("taken for another reason")
        host.kill(UNIT)
        time.sleep(1.5)
        for n in range(5):
            held_rightly(world, host, domain, other, f"again{n}")
        if logged(host, "events are lost") > 2:  # one of each start
            raise Wrong("said more than once a minute")
        os.unlink(host.root + "/var/lib/mxwarden/filler")
        wait_for(lambda: written(host, other), "events to be written again", 20)


def logged(host, text):
    with open(f"{host.root}/log/{UNIT}.log", errors="replace") as f:
        return sum(text in line for line in f)


def written(host, domain):
    before = len(host.events("decision"))
    host.flows(f"room@{domain}")
    time.sleep(0.2)
    return len(host.events("decision")) > before


def store_trouble(world):
    """The store is locked by another process, then random octets, then gone: what was deferred is forgotten,
    so nothing is deferred again that may have waited for max_age before."""
    with own_host(world, "store", settings=DEFERS) as host:
        domain, _ = blocked(world)
        other, _ = world.domain()
        host.knows(domain, "blocked")
        held = host.lock_store()
        for n in range(10):
            held_rightly(world, host, domain, other, f"locked{n}")
        held.close()
        wait_for(lambda: host.rcpt("free@" + domain).startswith("451"), "deferrals again", 15)
        host.stop(UNIT)
        with open(host.store(), "wb") as f:
            f.write(os.urandom(65536))
        host.begin(UNIT)
        host.knows(domain, "blocked")
        taken("a store of random octets", held_rightly(world, host, domain, other, "random"))
        last_event(host, "decision", domain=domain, reason="no-memory")
        run("rm", "-rf", host.store())
        held_rightly(world, host, domain, other, "gone")
        host.kill(UNIT)
        wait_for(lambda: host.state(UNIT)["state"] == "active", "the milter", 10)
        host.knows(domain, "blocked")
        taken("no store", held_rightly(world, host, domain, other, "restarted"))
        last_event(host, "decision", domain=domain, reason="no-memory")


def feeds_cut(world):
    """policyd and the sensor die in mid-session: what was told holds, everything else flows."""
    knowledge = Knowledge(world, "know-cut").up()
    with own_host(world, "cut", knowledge=knowledge, settings=DEFERS) as host:
        domain, address = world.domain()
        other, _ = world.domain()
        knowledge.publish(domain)
        knowledge.verdict(address)
        host.knows(domain, "blocked")
        with host.client() as s:
            s.ehlo()
            s.need("MAIL FROM:<a@example.com>")
            knowledge.stop_feed()
            knowledge.units.stop("mxwarden-policyd.service")
            deferred("under a verdict", s.say(f"RCPT TO:<cut@{domain}>"), "4.7.4")
            taken("not under a verdict", s.say(f"RCPT TO:<cut@{other}>"))
            taken("the mail", s.body("Subject: cut"))
        world.sink.wait(f"cut@{other}")
        # A milter that starts now has nobody to ask about verdicts: it holds nothing.
        host.kill(UNIT)
        time.sleep(1.5)
        unknown, _ = world.domain()
        host.flows(f"new@{unknown}", f"again@{domain}")
        last_event(host, "decision", domain=unknown, reason="policy-unknown", temperror=True)
        last_event(host, "decision", domain=domain, reason="policy-unknown", temperror=True)


def feeds_absent(world):
    """Nobody ever told anything: mail flows, and the record says so."""
    with own_host(world, "absent", knowledge=None, settings=DEFERS) as host:
        domain, _ = world.domain()
        host.flows(f"a@{domain}")
        last_event(host, "decision", domain=domain, reason="policy-unknown", temperror=True)


def feed_garbled(world):
    """Who answers at the feeds' sockets sends rubbish without end."""
    with own_host(world, "rubbish", knowledge=None, settings=DEFERS, units=False) as host:
        listeners = []
        for name in ("policyd", "sensor"):
            os.makedirs(f"{host.root}/run/mxwarden/{name}")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{host.root}/run/mxwarden/{name}/feed.sock")
            os.chmod(f"{host.root}/run/mxwarden/{name}/feed.sock", 0o666)
            listener.listen(10)
            threading.Thread(target=rubbish, args=(listener,), daemon=True).start()
            listeners.append(listener)
        host.start()
        domain, _ = world.domain()
        for n in range(10):
            host.flows(f"a{n}@{domain}")
            time.sleep(0.1)
        with open(f"/proc/{host.pid}/status") as f:
            size = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        if size > 100_000:
            raise Wrong(f"the milter has {size} KiB")
        for listener in listeners:
            listener.close()


def rubbish(listener):
    while True:
        try:
            sock, _ = listener.accept()
            with sock:
                for _ in range(200):
                    sock.sendall(os.urandom(4096) + b"\n{\"v\":1,\"op\":\"put\",\"table\":\"verdict\",\"row\":[]}\n")
        except OSError:
            if listener.fileno() < 0:
                return


def vanish(mta):
    """Clients that go at every step, with and without a word: the milter stays, and forgets them."""
    def check(world):
        with own_host(world, "vanish-" + mta[0], mta, settings=DEFERS) as host:
            domain, _ = world.domain()
            pid = host.pid
            lines = ["EHLO client.example.com", "MAIL FROM:<a@example.com>", f"RCPT TO:<v@{domain}>",
                     "DATA", "Subject: half", "", "a half line"]
            for reset in (False, True):
                for step in range(len(lines) + 1):
                    s = host.client()
                    for line in lines[:step]:
                        if lines.index(line) < 4:
                            s.say(line)
                        else:
                            s.send(line + "\r\n")
                    s.drop(reset)
            host.flows(f"still@{domain}")
            if host.pid != pid:
                raise Wrong("the milter ended", host.last_words())
            wait_for(lambda: host.connections() == 0, "no connection to be open", 10)
    return check


def reload(world):
    """SIGUSR1 in mid-session: the session keeps its settings and ends well, the next has the new ones."""
    with own_host(world, "reload", settings=DEFERS) as host:
        domain, _ = blocked(world)
        host.knows(domain, "blocked")
        pid = host.pid
        with host.client() as s:
            s.ehlo()
            s.need("MAIL FROM:<a@example.com>")
            host.reload(RELAYS)
            wait_for(lambda: host.rcpt("new@" + domain).startswith("250"), "the new settings", 5)
            deferred("the old session", s.say(f"RCPT TO:<old@{domain}>"), "4.7.4")
            other, _ = world.domain()
            taken("the old session", s.say(f"RCPT TO:<old@{other}>"))
            taken("the old session", s.body("Subject: reload"))
        world.sink.wait(f"old@{other}")
        host.write_file("etc/mxwarden/mxwarden.toml", "[milter]\nno_such_key = 1\n")
        host.kill(UNIT, "SIGUSR1")
        host.flows(f"wrong@{other}")
        if host.pid != pid:
            raise Wrong("the milter was restarted", host.last_words())


CASES = [Case("trouble/" + name, run_it, needs) for needs, cases in (
    (NEEDS, (
        ("stopped-postfix", stopped("postfix")), ("stopped-sendmail", stopped("sendmail")),
        ("stopped-in-between", stopped_in_between), ("kill-loop-postfix", kill_loop("postfix")),
        ("kill-loop-sendmail", kill_loop("sendmail")), ("killed-in-between", killed_in_between),
        ("feeds-absent", feeds_absent), ("feed-garbled", feed_garbled),
        ("vanish-postfix", vanish("postfix")), ("vanish-sendmail", vanish("sendmail")))),
    (VERDICTS, (
        ("disk-full", disk_full), ("store", store_trouble), ("feeds-cut", feeds_cut),
        ("reload", reload)))) for name, run_it in cases]
