"""DNS of the lab: knot serves (and signs example.org), unbound validates for the sender."""
import os

import net
from procs import run, wait_for

SOA = "@ 300 SOA ns hostmaster 1 3600 900 86400 300\n@ 300 NS ns\nns 300 A " + net.AUTHORITY + "\n"


def zones(tlsa):
    """Zone texts. policies.py has what belongs to them."""
    mx = net.MX
    org = SOA + f"""@ 300 MX 10 mx1
@ 300 MX 20 mx2
mx1 300 A {mx['mx1']}
mx2 300 A {mx['mx2']}
six 300 MX 10 mx6
mx6 300 AAAA {net.MX6}
dane 300 MX 10 mx-dane
mx-dane 300 A {mx['dane']}
_25._tcp.mx-dane 300 TLSA {tlsa}
_mta-sts 300 TXT "v=STSv1; id=20261101"
"""
    same = SOA + "@ 300 MX 10 mx1.example.org.\n@ 300 MX 20 mx2.example.org.\n"
    com = SOA + f"@ 300 MX 10 client\nclient 300 A {net.SENDER4}\n"
    test = SOA
    for label in ("plain", "broken", "old", "open"):
        test += f"{label} 300 MX 10 mx.{label}\nmx.{label} 300 A {mx[label]}\n"
    test += "depot 300 MX 10 mx.open\n"
    return {"example.org": org, "example.net": same, "example.com": com, "test": test}


def start(background, work, tlsa):
    """Bring up both servers; the signed zone's key becomes the resolver's trust anchor."""
    folder = os.path.join(work, "dns")
    os.makedirs(folder, exist_ok=True)
    names = zones(tlsa)
    for zone, text in names.items():
        with open(f"{folder}/{zone}.zone", "w") as f:
            f.write(f"$ORIGIN {zone}.\n{text}")
    knot = knot_conf(folder, names)
    background.start("knotd", "knotd", "-c", knot, ns=net.DNS, ready="server started")
    wait_for(lambda: "DNSKEY" in ask(net.AUTHORITY, "example.org", "DNSKEY"), "a signed zone")
    with open(f"{folder}/anchor", "w") as f:
        f.write(ask(net.AUTHORITY, "example.org", "DNSKEY"))
    background.start("unbound", "unbound", "-d", "-p", "-c", unbound_conf(folder, names),
                     ns=net.DNS, ready="start of service")


def ask(server, name, kind):
    return run("kdig", "+noall", "+answer", "+timeout=1", "@" + server, name, kind, ns=net.DNS,
               check=False)


def knot_conf(folder, names):
    text = f"server:\n  listen: {net.AUTHORITY}@53\n  rundir: {folder}\n"
    text += f"database:\n  storage: {folder}\n"
    text += "log:\n  - target: stdout\n    any: info\n"
    text += "policy:\n  - id: lab\n    algorithm: ecdsap256sha256\n    single-type-signing: on\n"
    text += "zone:\n"
    for zone in names:
        text += f"  - domain: {zone}\n    file: {folder}/{zone}.zone\n    zonefile-sync: -1\n"
        text += "    journal-content: none\n"
        if zone == "example.org":
            text += "    dnssec-signing: on\n    dnssec-policy: lab\n"
    path = f"{folder}/knot.conf"
    with open(path, "w") as f:
        f.write(text)
    return path


def unbound_conf(folder, names):
    text = f"""server:
  interface: {net.RESOLVER}
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
  local-zone: "test." nodefault
remote-control:
  control-enable: no
"""
    for zone in names:
        text += f"stub-zone:\n  name: \"{zone}\"\n  stub-addr: {net.AUTHORITY}\n"
    path = f"{folder}/unbound.conf"
    with open(path, "w") as f:
        f.write(text)
    return path
