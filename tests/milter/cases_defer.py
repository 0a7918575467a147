"""With prepared verdicts: logged by default, deferred by choice, only for the affected recipient, bounded."""
import re
import time

from case import last_event, own_host, shared
from hosts import DEFERS, UNIT, deferred, taken
from mta import PASSWORD, USER
from procs import wait_for
from promise import Case, Wrong
from world import RELAY, STRANGER

NEEDS = ("mxwarden-milter", "mxwarden-policyd")
VERDICTS = (*NEEDS, "../tests/support/verdict_feed")
BOTH = ("postfix", "sendmail")
# rule of a verdict -> the code of the deferral (semantics 12)
CODES = {"R02": "4.7.4", "R16": "4.7.5"}


def blocked(world, rule="R02", **how):
    """A domain all of whose paths are under a verdict."""
    domain, address = world.domain()
    world.knowledge.publish(domain)
    verdict = world.knowledge.verdict(address, rule, policy_domain=domain, policy_id="1", **how)
    return domain, verdict


def only_the_affected(world):
    """The right code, at RCPT, for that recipient alone, in both mail servers."""
    with shared(world, "defer", "postfix") as postfix, shared(world, "defer", "sendmail") as sendmail:
        for rule, code in CODES.items():
            domain, _ = blocked(world, rule)
            other, _ = world.domain()
            for host in (postfix, sendmail):
                host.knows(domain, "blocked")
                mark = f"{rule}-{host.mta}"
                replies = host.relay(f"{mark}@{domain}", f"{mark}@{other}")
                deferred(f"{host.mta}, {rule}", replies[1], code)
                for reply in (replies[0], *replies[2:]):
                    taken(f"{host.mta}, {rule}, the rest", reply)
                world.sink.wait(f"{mark}@{other}")
                world.sink.absent(f"{mark}@{domain}")
                last_event(host, "decision", domain=domain, action="defer", reason="path-blocked")


def partly(world):
    """One of two mail servers of a domain is under a verdict: mail flows."""
    domain, address = world.domain()
    _, second = world.domain()
    world.names.mx[domain] = [(10, "mx." + domain), (20, "b." + domain)]
    world.names.addresses["b." + domain] = [second]
    world.policies.extra[domain] = "mx: b." + domain + "\r\n"
    world.knowledge.publish(domain)
    world.knowledge.verdict(address)
    with shared(world, "defer", "postfix") as host:
        host.knows(domain, "partial")
        taken("one of two", host.rcpt("x@" + domain))
        world.knowledge.verdict(second)
        host.knows(domain, "blocked")
        deferred("both", host.rcpt("x@" + domain), "4.7.4")


def ends(mta):
    """A cleared verdict frees at once; after one that ran out a probe passes first."""
    def check(world):
        with shared(world, "defer", mta) as host:
            domain, verdict = blocked(world)
            host.knows(domain, "blocked")
            deferred("before", host.rcpt("a@" + domain), "4.7.4")
            world.knowledge.clear(verdict)
            host.knows(domain, "clear", 3)
            host.flows("a@" + domain)
            domain, _ = blocked(world, seconds=4)
            host.knows(domain, "blocked")
            deferred("before", host.rcpt("b@" + domain), "4.7.4")
            wait_for(lambda: host.rcpt("b@" + domain).startswith("250"), "the probe", 8)
            deferred("after the probe", host.rcpt("c@" + domain), "4.7.4")
    return check


def queued(world):
    """A mail server that relays keeps what is deferred, and delivers it when the verdict is cleared."""
    with own_host(world, "queue", settings=DEFERS) as host, \
            own_host(world, "queuer", knowledge=None, units=False) as sender:
        sender.set(f"relayhost = [{host.address}]", "myhostname = sender.example.org")
        domain, verdict = blocked(world)
        other, _ = world.domain()
        host.knows(domain, "blocked")
        sender.server.inject(f"q1@{domain}")
        sender.server.inject(f"q2@{other}")
        world.sink.wait(f"q2@{other}")
        wait_for(lambda: sender.server.has("dsn=4.7.4, status=deferred"), "the deferral", 15)
        world.sink.absent(f"q1@{domain}")
        world.knowledge.clear(verdict)
        world.sink.wait(f"q1@{domain}", 20)


def max_age(mta):
    def check(world):
        with own_host(world, "age-" + mta[0], mta, settings=DEFERS + "max_age_s = 2\n") as host:
            domain, _ = blocked(world)
            host.knows(domain, "blocked")
            begun = time.monotonic()
            deferred("first", host.rcpt("a@" + domain), "4.7.4")
            wait_for(lambda: host.rcpt("a@" + domain).startswith("250"), "the mail to be let through", 10)
            if time.monotonic() - begun < 2:
                raise Wrong("let through before max_age")
            deferred("another mail", host.rcpt("b@" + domain), "4.7.4")
            last_event(host, "decision", domain=domain, reason="max-age")
    return check


def remembered(world):
    """max_age counts from the first deferral of a mail, also over a kill -9."""
    age = 9
    with own_host(world, "remember", settings=DEFERS + f"max_age_s = {age}\n") as host:
        domain, _ = blocked(world)
        host.knows(domain, "blocked")
        begun = time.monotonic()
        deferred("first", host.rcpt("a@" + domain), "4.7.4")
        time.sleep(2)  # it is written
        host.kill(UNIT)
        wait_for(lambda: host.rcpt("a@" + domain).startswith("451"), "the milter to be back", 6)
        back = time.monotonic() - begun
        if back < 2:
            raise Wrong("it was not killed")
        wait_for(lambda: host.rcpt("a@" + domain).startswith("250"), "the mail to be let through", age + 5)
        if not age <= time.monotonic() - begun < age + back:
            raise Wrong(f"let through after {time.monotonic() - begun:.1f} s, not {age}; killed at {back:.1f}")


def breaker(mta):
    """At the fifth first deferral of few recipients it trips: then nothing is deferred any more."""
    def check(world):
        settings = DEFERS.replace("max_share = 100", "max_share = 1\nmin_count = 5")
        with own_host(world, "breaker-" + mta[0], mta, settings=settings) as host:
            domain, _ = blocked(world)
            host.knows(domain, "blocked")
            replies = [host.rcpt(f"m{n}@{domain}")[:3] for n in range(12)]
            if replies[:4] != ["451"] * 4 or replies[-6:] != ["250"] * 6:
                raise Wrong(f"{replies}")
            wait_for(lambda: len(host.events("breaker")) == 1, "its event", 5)
    return check


def not_these(world):
    """The null sender, who logged in, clients that do not queue, mail of the host itself, smart hosts."""
    with own_host(world, "not", settings=DEFERS) as host:
        domain, _ = blocked(world)
        host.knows(domain, "blocked")
        deferred("the control", host.rcpt("a@" + domain), "4.7.4")
        taken("null sender", host.rcpt("a@" + domain, sender=""))
        with host.client(587, source=STRANGER) as s:
            s.ehlo()
            s.starttls()
            s.login(USER, PASSWORD)
            taken("who logged in", s.mail("archivist@example.org", "b@" + domain)[1])
        host.reload(re.sub("peers = .*", 'peers = ["198.51.100.200"]', DEFERS))
        wait_for(lambda: host.rcpt("c@" + domain).startswith("250"), "the new settings", 5)
        host.server.inject("local@" + domain)
        world.sink.wait("local@" + domain)


def by_choice(world):
    """dry_run, an override, a list of domains, an exempt client: taken."""
    with own_host(world, "choice", settings=DEFERS) as host:
        domain, _ = blocked(world)
        host.knows(domain, "blocked")
        deferred("the control", host.rcpt("a@" + domain), "4.7.4")
        override = f'\n[[milter.override]]\nrecipients = ["{domain}"]\naction = "tag"\n'
        rows = {"dry run": DEFERS.replace("trusted", "dry_run = true\ntrusted", 1),
                "override": DEFERS + override,
                "domains": DEFERS.replace('["*"]', f'["!{domain}", "*"]'),
                "exempt": f'exempt = ["{RELAY}"]\n' + DEFERS}
        for what, settings in rows.items():
            host.reload(DEFERS)
            wait_for(lambda: host.rcpt("a@" + domain).startswith("451"), "the old settings", 5)
            host.reload(settings)
            wait_for(lambda: host.rcpt("a@" + domain).startswith("250"), what, 5)


def operator(world):
    """`mxwarden policy bypass` silences the milter within a second."""
    with shared(world, "defer", "postfix") as host:
        domain, _ = blocked(world)
        host.knows(domain, "blocked")
        deferred("before", host.rcpt("a@" + domain), "4.7.4")
        host.tool("policy", "bypass", domain, "--for", "1h", "--reason", "lab")
        wait_for(lambda: host.rcpt("a@" + domain).startswith("250"), "the bypass", 2)
        host.tool("policy", "release", domain)
        wait_for(lambda: host.rcpt("a@" + domain).startswith("451"), "the end of the bypass", 2)


def reread_pending(mta):
    """A verdict with one session acts only after the policy was fetched again, and not for an outdated one."""
    def check(world):
        with shared(world, "defer", mta) as host:
            domain, address = world.domain()
            world.knowledge.publish(domain)
            before = world.policies.asked.count(domain)
            world.knowledge.verdict(address, policy_domain=domain, policy_id="1", count=1)
            wait_for(lambda: host.rcpt("a@" + domain).startswith("451"), "the deferral", 20)
            if world.policies.asked.count(domain) <= before:
                raise Wrong("deferred without fetching the policy again")
    return check


def default(world):
    """As shipped: a mail under a verdict is logged and passes, in both mail servers."""
    with shared(world, "plain", "postfix") as postfix, shared(world, "plain", "sendmail") as sendmail:
        domain, _ = blocked(world)
        for host in (postfix, sendmail):
            host.knows(domain, "blocked")
            host.flows(f"{host.mta}@{domain}")
            found = host.decisions(domain)[-1]
            if (found["path"], found["reason"]) != ("blocked", "path-blocked") or found["action"] not in ("tag", "accept"):
                raise Wrong(f"{found}")


CASES = [Case("defer/" + name, run, VERDICTS) for name, run in (
    ("only-the-affected", only_the_affected), ("partly", partly), ("queued", queued), ("remembered", remembered),
    ("not-these", not_these), ("by-choice", by_choice), ("default", default),
    *((f"{name}-{mta}", make(mta)) for mta in BOTH for name, make in (
        ("ends", ends), ("max-age", max_age), ("breaker", breaker), ("reread", reread_pending))))] + [
    Case("defer/operator", operator, (*VERDICTS, "mxwarden"))]
