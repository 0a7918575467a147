"""Starts in bad conditions: no room for the first file, and very much to load."""
import os

from case import Wrong, expect_flow, flows, fresh, own_host, protects, warm
from cases_trouble import POLICYD, fill, sendmail_protects
from programs import IDS
from procs import wait_for
from tool import has, program

MANY = 20_000
BODY = "version: STSv1\r\nmode: enforce\r\nmx: mx.{0}\r\nmax_age: 604800\r\n"


def full_from_the_start(world):
    """No octet can be written when both programs start for the first time."""
    with own_host(world, "firstfull", units=False, state_size="1m") as host:
        filler = host.root + "/var/lib/mxwarden/filler"
        fill(filler)
        host.start_units(wait=False)
        flows(host)
        wait_for(lambda: host.state(host.map_unit)["state"] == "active", "the map to start")
        flows(host)
        os.unlink(filler)
        warm(host)
        protects(host)
        flows(host)


def many(number):
    # Nobody publishes anything below example. here.
    return f"d{number}.example"


def large_cache(world):
    """The map is restarted with 20,000 policies in its copy; no mail notices."""
    # In memory: a slow disk is not what is tried here.
    with own_host(world, "large", state_size="256m") as host:
        warm(host)
        out = host.state_folder("many")
        os.makedirs(out)
        for number in range(MANY):
            with open(f"{out}/{many(number)}.txt", "w", newline="") as f:
                f.write(BODY.format(many(number)))
        host.stop(POLICYD)
        has(program(host, "mxwarden-policyd", "--import", out,
                    f"--config={host.root}/etc/mxwarden/mxwarden.toml",
                    person=(str(IDS["mxw-policy"]), None)), f"{MANY} policies stored")
        host.begin(POLICYD)
        # A copy is written when the map stops; what was asked for alone is not in it.
        wait_for(lambda: host.map_metric("mxwarden_map_feed_policies") > MANY,
                 f"{MANY} policies in the map", 60)
        knows(host, many(MANY - 1))
        restart(host, lambda: host.stop(host.map_unit))
        # Now from its copy alone.
        host.stop(POLICYD)
        restart(host, lambda: host.kill(host.map_unit))
        protects(host)


def knows(host, name):
    wait_for(lambda: host.ask(name) == f"OK secure match=mx.{name} servername=hostname",
             f"a policy for {name}, last: {host.ask(name)}", 60)


def restart(host, end):
    """What is sent before the map is back, and while it loads, leaves soon."""
    end()
    recipients = [host.send("nopolicy.test"), host.send(fresh())]
    host.begin(host.map_unit)
    recipients += [host.send(fresh()) for _ in range(4)]
    expect_flow(host, recipients)
    knows(host, many(MANY - 1))


def bad_settings(world):
    """mxwarden.toml has a mistake, then it is gone: the map starts with what it ran with before."""
    with own_host(world, "badfile", with_sendmail=True) as host:
        warm(host)
        path = host.root + "/etc/mxwarden/mxwarden.toml"
        with open(path) as f:
            good = f.read()
        for text, mistake in ((good + "[logg]\n", 'unknown key "logg"'),
                              (None, "No such file or directory")):
            host.stop(host.map_unit)
            os.unlink(path)
            if text:
                host.write_file("etc/mxwarden/mxwarden.toml", text)
            host.begin(host.map_unit)
            still_works(host)
            has("\n".join(host.last_words()), mistake, "the last settings that were good")
            has(program(host, "mxwarden-map", "--check-config", "--config=" + path, code=2), mistake)
        host.write_file("etc/mxwarden/mxwarden.toml", good)
        host.tell("reload " + host.map_unit)
        wait_for(lambda: host.map_metric("mxwarden_settings_stale") == 0, "the file to count again")


def still_works(host):
    flows(host)
    protects(host)
    recipient, outcome = host.attempt_sendmail(fresh())
    if outcome.status != "sent":
        raise Wrong(f"{recipient}: {outcome}", outcome.text.split("\n"))
    sendmail_protects(host)
    if host.map_metric("mxwarden_settings_stale") != 1:
        raise Wrong("the map does not say that its settings are stale", host.last_words())
