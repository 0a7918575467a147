"""DNS of the policy lab: knot serves (and signs two zones), unbound validates for everybody.

example.org is signed below a trust anchor of the resolver. A zone that holds only the policy record
of txtbogus.test is signed too, but the resolver was told another key: bogus; so is bogus.test. The
records of txtservfail.test belong to a zone that its server cannot load, as unloaded.test is; those of
txttimeout.test, and silent.test, are looked for at an address that is silent.
"""
import os
import re

from domains import ADDRESS, ALL, FRESH, POLICY_ID
from procs import run, wait_for
from topology import AUTHORITY, BLACKHOLE, DNS, POLICY_HOST, RESOLVER

SOA = f"@ 300 SOA ns hostmaster 1 3600 900 86400 60\n@ 300 NS ns\nns 300 A {AUTHORITY}\n"
BOGUS = ("_mta-sts.txtbogus.test", "bogus.test")
UNLOADED = ["_mta-sts.txtservfail.test", "unloaded.test"]
SILENT = ("_mta-sts.txttimeout.test", "silent.test")
# Below these names is a TLSA record that nobody can get.
UNLOADED += [f"_tcp.{mx}" for d in ALL for mx, key in zip(d.mx, d.tlsa) if key == "servfail"]
SIGNED = ("example.org", *BOGUS)
TXT = f'300 TXT "v=STSv1; id={POLICY_ID}"\n'
# What cases_ask.py finds: a record and a key, of good.test in two strings, and a record that is none.
RUA, KEY = "v=TLSRPTv1; rua=mailto:tls@example.org", "v=DKIM1; k=ed25519; p=AAAA"
REPORTING = f"""_smtp._tls.good 300 TXT "{RUA[:20]}" "{RUA[20:]}"
_smtp._tls.wild 300 TXT "v=TLSRPTv1; x=y"
s1._domainkey.good 300 TXT "{KEY[:10]}" "{KEY[10:]}"
"""


def texts(tlsa):
    """Zone name -> text. `tlsa` has the record's data for each key."""
    zones = {"test": SOA + REPORTING, "example.org": SOA + f'_smtp._tls 300 TXT "{RUA}"\n',
             "example.net": SOA, "example.com": SOA + "* 300 MX 0 .\n"}
    zones.update(dict.fromkeys(BOGUS, SOA + "@ " + TXT + f"""_smtp._tls 300 TXT "{RUA}"
s1._domainkey 300 TXT "{KEY}"
host 300 A {POLICY_HOST}
"""))
    for domain in ALL:
        zone = re.search(r"(test|example\.org|example\.net)$", domain.name).group(1)
        zones[zone] += records(domain, tlsa)
    # Domains that nobody asked for before; they share one mail server.
    zones["test"] += f"*.{FRESH}. 300 MX 10 mx.nopolicy.test.\n"
    return zones


def records(domain, tlsa):
    text = ""
    for at, mx in enumerate(domain.mx):
        text += f"{domain.name}. 300 MX {10 * at + 10} {mx}.\n{mx}. 300 A {ADDRESS[mx]}\n"
    for mx, key in zip(domain.mx, domain.tlsa):
        if key in tlsa:
            text += f"_25._tcp.{mx}. 300 TLSA {tlsa[key]}\n"
        elif key == "servfail":
            text += f"_tcp.{mx}. 300 NS ns.example.org.\n"
    if domain.mode:
        text += f"mta-sts.{domain.name}. 300 A {POLICY_HOST}\n"
        if not domain.txt:
            text += f"_mta-sts.{domain.name}. {TXT}"
    return text


def start(background, folder, tlsa):
    os.makedirs(folder, exist_ok=True)
    zones = texts(tlsa)
    for zone, text in zones.items():
        write(f"{folder}/{zone}.zone", f"$ORIGIN {zone}.\n{text}")
    write(f"{folder}/knot.conf", knot_conf(folder, zones))
    background.start("knotd", "knotd", "-c", f"{folder}/knot.conf", ns=DNS, ready="server started")
    for zone in SIGNED:
        wait_for(lambda z=zone: "DNSKEY" in ask(z, "DNSKEY"), f"zone {zone} signed")
    keys = ask("example.org", "DNSKEY")
    write(f"{folder}/anchor", keys)
    write(f"{folder}/wrong-anchor",
          "".join(keys.replace("example.org.", zone + ".") for zone in BOGUS))
    write(f"{folder}/unbound.conf", unbound_conf(folder, zones))
    background.start("unbound", "unbound", "-d", "-p", "-c", f"{folder}/unbound.conf", ns=DNS,
                     ready="start of service")


def ask(name, kind, *options, server=AUTHORITY):
    return run("kdig", "+noall", "+answer", "+timeout=3", *options, "@" + server, name, kind,
               ns=DNS, check=False)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def knot_conf(folder, zones):
    text = f"""server:
  listen: {AUTHORITY}@53
  rundir: {folder}
database:
  storage: {folder}
log:
  - target: stdout
    any: info
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
"""
    # Of the last ones there is no file: the server says SERVFAIL, and so does the resolver.
    for zone in [*zones, *UNLOADED]:
        text += (f"  - domain: {zone}\n    file: {folder}/{zone}.zone\n    zonefile-sync: -1\n"
                 "    journal-content: none\n")
        if zone in SIGNED:
            text += "    dnssec-signing: on\n    dnssec-policy: lab\n"
    return text


def unbound_conf(folder, zones):
    # There is no Internet here: what no zone of ours has does not exist, and is said so at once.
    local = '  local-zone: "." static\n' + "".join(
        f'  local-zone: "{zone}." transparent\n' for zone in zones)
    text = f"""server:
  interface: {RESOLVER}
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "{folder}"
  use-syslog: no
  logfile: ""
  do-ip6: no
  verbosity: 1
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/anchor"
  trust-anchor-file: "{folder}/wrong-anchor"
{local}remote-control:
  control-enable: no
"""
    stubs = {zone: AUTHORITY for zone in zones}
    stubs.update(dict.fromkeys(UNLOADED, AUTHORITY))
    stubs.update(dict.fromkeys(SILENT, BLACKHOLE))
    for zone, address in stubs.items():
        text += f"stub-zone:\n  name: \"{zone}\"\n  stub-addr: {address}\n"
    return text
