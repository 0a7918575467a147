"""The operator's tool and the sensor against running programs."""
import glob
import json
import re
import shlex
import shutil
import subprocess
import time

from case import Wrong, fresh, own_host, warm
from cases_trouble import DNS_OUT, POLICYD
from domains import BY_NAME, POLICY_ID
from procs import wait_for
from sendmail import TOP
from snippets import snippet
from tool import OPERATOR, STRANGER, folder, has, mxwarden, program

PCAPS = TOP + "/pcaps"
CAPTURE = PCAPS + "/keyword-removed.s.pcap"
SECURE = "OK secure match=mx.{0} servername=hostname"


def answers(host, name, wanted, seconds=15):
    wait_for(lambda: host.ask(name) == wanted,
             f"'{wanted}' for {name}, last: {host.ask(name)}", seconds)


def pages(world):
    """show, list and history say what the lab published."""
    with own_host(world, "pages") as host:
        warm(host, "good.test", "unlisted.test", "nopolicy.test", "testing.test")
        host.ask("testing.test")
        # MX hosts are looked up after the policy.
        wait_for(lambda: "MX mx.unlisted" in mxwarden(host, "policy show unlisted.test"), "an MX")
        has(mxwarden(host, "policy show good.test", person=OPERATOR),
            "good.test: an MTA-STS policy in mode enforce holds until", f"id {POLICY_ID},",
            "mx: mx.good.test", "MX mx.good.test 198.51.100.10, not signed, named by the policy",
            "policy-new")
        has(mxwarden(host, "policy show unlisted.test"), "NOT named by the policy")
        postmap(host)
        has(mxwarden(host, "policy show nopolicy.test"), "it publishes no MTA-STS policy")
        has(mxwarden(host, "policy show never.test"), "nothing is known")
        wait_for(lambda: "testing.test" in mxwarden(host, "policy list"), "testing.test")
        listed = " ".join(mxwarden(host, "policy list", person=OPERATOR).split())
        has(listed, "good.test enforce until 2", "testing.test testing until 2", f"id {POLICY_ID}", "3 policies")
        has(mxwarden(host, "policy history good.test"), f"to now  enforce  id {POLICY_ID}")
        mxwarden(host, "policy bypass good.test --for 1h --reason", "the lab says so")
        has(mxwarden(host, "policy show good.test", person=OPERATOR), "overruled by a bypass",
            "bypass until ", " UTC: treated as if it had no policy", ": the lab says so")
        said = mxwarden(host, "policy show good.test --json").splitlines()[0]
        if json.loads(said)["row"]["action"] != "bypass":
            raise Wrong("policy show --json does not begin with the brake", [said])
        mxwarden(host, "policy release good.test")
        has(mxwarden(host, "policy history never.test"), "never had a policy of never.test")
        rows = mxwarden(host, "policy show good.test --json").splitlines()
        if {json.loads(row)["table"] for row in rows} < {"domain", "policy", "mx_route"}:
            raise Wrong("policy show --json lacks rows", rows)


def postmap(host):
    """The line by which an administrator looks at the map, as it stands in the documents."""
    for name, code, said in (("good.test", 0, SECURE.format("good.test")[3:] + "\n"),
                             ("nopolicy.test", 1, "")):
        line = snippet("postfix.md", "sh test").replace("example.org", name)
        done = subprocess.run(["ip", "netns", "exec", host.ns, "env",
                               "MAIL_CONFIG=" + host.postfix.etc, *shlex.split(line)],
                              capture_output=True, text=True, timeout=10)
        if (done.returncode, done.stdout) != (code, said):
            raise Wrong(f"{line}: exit {done.returncode}", [done.stdout, done.stderr])


def files(world):
    """A policy removed is gone, refresh brings it back; so does import of what export wrote."""
    with own_host(world, "files") as host:
        warm(host, "good.test", "wild.test", "stripped.test")
        out = folder(host, "exported")
        wait_for(lambda: "3 MX" in count_routes(host), "MX hosts of all three")
        has(mxwarden(host, "policy export", out), "3 policies in")
        program(host, "mxwarden-sensor", "-r", CAPTURE, "--policies", out, "--mx-map",
                out + "/mx-map.tsv", "--format", "text")
        then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        past = folder(host, "exported-then")
        has(mxwarden(host, "policy export", past, "--at", then), "3 policies in",
            "warning: the MX routes are those of now, not of " + then)
        with open(past + "/mx-map.tsv") as f:
            has(f.read(), "# policies of " + then + ", MX routes as known ")
        program(host, "mxwarden-sensor", "-r", CAPTURE, "--policies", past, "--mx-map",
                past + "/mx-map.tsv", "--format", "text")
        with open(out + "/wild.test.txt", newline="") as f:
            if f.read() != BY_NAME["wild.test"].policy:
                raise Wrong("the exported policy is not the published one")
        remove(host, "good.test")
        host.firewall()
        mxwarden(host, "policy refresh good.test", person=OPERATOR)
        answers(host, "good.test", SECURE.format("good.test"))
        remove(host, "good.test")
        has(mxwarden(host, "policy import", out), "3 of 3 policies stored")
        answers(host, "good.test", SECURE.format("good.test"))
        has(mxwarden(host, "policy show good.test"), "from import")


def count_routes(host):
    names = ("good.test", "wild.test", "stripped.test")
    return f"{sum('  MX mx.' in mxwarden(host, 'policy show ' + n) for n in names)} MX"


def remove(host, name):
    """It is gone for the map, too; a question would bring it back if it could be looked up."""
    host.firewall(DNS_OUT)
    has(mxwarden(host, f"policy remove {name} --reason lab", person=OPERATOR), "is ended")
    answers(host, name, "NOTFOUND ")
    has(mxwarden(host, "policy list", person=OPERATOR), "2 policies")
    has(mxwarden(host, f"policy history {name}"), f"enforce  id {POLICY_ID}")


def impact(world):
    """What an enforcing map bound, and what an observing one would have."""
    with own_host(world, "impact") as host:
        warm(host, "good.test", "stripped.test", "nopolicy.test")
        before = ask_often(host, 5)
        has(impact_said(host), f"bound (answered with a demand for TLS): {before['bound']}\n",
            "would have been bound: 0\n", "stripped.test  ", "secure by sts",
            "every MX host known of these domains is named by its policy or pin")
        mxwarden(host, "policy pin stripped.test --mx mx.elsewhere.test --reason lab")
        has(impact_said(host), "stripped.test  mx.stripped.test ", " (not in its pin)\n")
        mxwarden(host, "policy release stripped.test")
        host.kind = "observe"
        host.write_settings()
        host.stop(host.map_unit)
        host.begin(host.map_unit)
        ask_often(host, 7)
        said = impact_said(host)
        has(said, "would have been bound: 14 (held back: observe 14)\n", "good.test  ")
        if re.search(r"^ +nopolicy\.test", said, re.M):
            raise Wrong("nopolicy.test is said to be bound", said.split("\n"))
        said = json.loads(impact_said(host, "--json"))
        for member in ("bound", "would_bind"):
            if said[member] != sum(domain[member] for domain in said["domains"]):
                raise Wrong(f"impact --json: {member} is not the sum of its domains", [str(said)])
        if said["would_bind"] < 14:
            raise Wrong("impact --json says something else")


def ask_often(host, times):
    for _ in range(times):
        for name in ("good.test", "stripped.test", "nopolicy.test"):
            host.ask(name)
    # What a minute counted is written at its end, or when the map stops.
    host.stop(host.map_unit)
    host.begin(host.map_unit)
    with open(host.state_folder("map") + "/answers.ndjson") as f:
        lines = [json.loads(line) for line in f]
    return {"bound": sum(line["count"] for line in lines if line["answer"] == "secure")}


def impact_said(host, *more):
    return mxwarden(host, "impact --since 1h", *more)


def metrics(world):
    """Both programs are up and nothing about anybody is said; policyd stopped is told apart."""
    with own_host(world, "metrics") as host:
        warm(host, "good.test", "nopolicy.test")
        asked = fresh()
        host.ask(asked)
        wait_for(lambda: up(host) == {"policyd": "1", "map": "1"}, "both programs up", 5)
        said = mxwarden(host, "metrics")
        for name, value in re.findall(r'(\w+)="([^"]*)"', said):
            # Words of ours, and the numbers of buckets and builds: no name, no address.
            if not re.fullmatch(r"[a-z0-9_-]*" if name not in ("le", "version") else r"[\w.+-]+",
                                value):
                raise Wrong(f"metrics: {name} is {value}")
        if re.search(r"[.]test|example|198[.]51", said):
            raise Wrong("metrics tell of domains or addresses", said.split("\n"))
        if said.count("\n") < 40:
            raise Wrong("hardly any metrics", said.split("\n"))
        host.stop(POLICYD)
        if up(host) != {"policyd": "0", "map": "1"}:
            raise Wrong(f"policyd is stopped: {up(host)}")
        for words in ("policy list", "policy show good.test", "policy refresh good.test"):
            has(mxwarden(host, words, code=4), "policyd does not answer",
                "it must run (`systemctl status mxwarden-policyd`)")


def up(host):
    found = dict(re.findall(r'^mxwarden_up\{program="(\w+)"\} (\d)$', mxwarden(host, "metrics"),
                            re.M))
    return {name: found.get(name) for name in ("policyd", "map")}


def strangers(world):
    """Who is not in the operators' group gets no answer from the control socket, nor a brake."""
    with own_host(world, "noop") as host:
        warm(host, "good.test")
        for person in (STRANGER, ("64702", None)):
            for words in ("policy list", "policy remove good.test --reason lab"):
                has(mxwarden(host, words, code=4, person=person), "policyd does not answer",
                    "the group of policyd.operator_group may ask it")
            has(mxwarden(host, "policy bypass good.test --reason lab", code=4, person=person),
                "cannot be")
        has(mxwarden(host, "policy list", person=OPERATOR), "1 policy")
        answers(host, "good.test", SECURE.format("good.test"), 1)


def findings(said):
    """Rule and domain of each finding of the sensor's text."""
    return re.findall(r"^\[\w+\] (R\d+) .*\n  .*, domain (\S+)$", said, re.M)


def sensor_feed(world):
    """The sensor judges by policyd's feed as by a directory of the same policies."""
    with own_host(world, "sensor") as host:
        # policyd must not find what the lab publishes under the same names.
        host.firewall(DNS_OUT)
        out = folder(host, "policies")
        for path in glob.glob(PCAPS + "/policies/*.txt"):
            shutil.copy(path, out)  # without dates: fetched now, whenever that is
        has(mxwarden(host, "policy import", out), "4 of 4 policies stored")
        common = ("-r", CAPTURE, "--own", "192.0.2.0/24", "--ca-file", PCAPS + "/ca/lab-ca.pem",
                  "--format", "text")
        feed = ("--feed", host.root + "/run/mxwarden/policyd/feed.sock")
        wanted = findings(program(host, "mxwarden-sensor", *common, "--policies",
                                  PCAPS + "/policies"))
        found = findings(program(host, "mxwarden-sensor", *common, *feed))
        if found != wanted or ("R02", "example.org") not in wanted:
            raise Wrong(f"by the feed {found}, by files {wanted}")
        for other in (("--policies", out), ("--manifest", out + "/manifest")):
            has(program(host, "mxwarden-sensor", *common, *feed, *other, code=2), "--feed")
