"""Namespaces of the lab.

    mxw-snd --rs[ mxw-rtr ]rr-- mxw-rcv        mxw-dns hangs off mxw-rtr as well
    192.0.2.10                  198.51.100.25..31       192.0.2.153 resolver
    2001:db8:1::10              2001:db8:2::25          192.0.2.154 signing server

The router is the attacker; its two veth ends are the taps s (sender) and r (receiver).
"""
import os
import shutil

from procs import end_pid, run

SND, RTR, RCV, DNS = "mxw-snd", "mxw-rtr", "mxw-rcv", "mxw-dns"
SENDER4, SENDER6 = "192.0.2.10", "2001:db8:1::10"
RESOLVER, AUTHORITY = "192.0.2.153", "192.0.2.154"
MX = {"mx1": "198.51.100.25", "mx2": "198.51.100.26", "plain": "198.51.100.27",
      "dane": "198.51.100.28", "broken": "198.51.100.29", "old": "198.51.100.30",
      "open": "198.51.100.31"}
MX6 = "2001:db8:2::25"
ATTACKER = "198.51.100.66"
TAPS = {"s": "rs", "r": "rr"}
ETC = "/etc/netns"


def up():
    """Build everything; the caller tears down on any exit."""
    for ns in (SND, RTR, RCV, DNS):
        run("ip", "netns", "add", ns)
        run("ip", "-n", ns, "link", "set", "lo", "up")
    join("rs", SND, ["192.0.2.1/25", "2001:db8:1::1/64"], [SENDER4 + "/25", SENDER6 + "/64"])
    join("rr", RCV, ["198.51.100.1/26", "2001:db8:2::1/64"],
         [a + "/26" for a in MX.values()] + [MX6 + "/64"])
    join("rd", DNS, ["192.0.2.129/25"], [RESOLVER + "/25", AUTHORITY + "/25"])
    # The attacker's own MX is an address of the router, so its mail ends there.
    run("ip", "-n", RTR, "addr", "add", ATTACKER + "/32", "dev", "lo")
    for ns, gw4, gw6 in ((SND, "192.0.2.1", "2001:db8:1::1"),
                         (RCV, "198.51.100.1", "2001:db8:2::1"), (DNS, "192.0.2.129", None)):
        run("ip", "-n", ns, "route", "add", "default", "via", gw4)
        if gw6:
            run("ip", "-n", ns, "-6", "route", "add", "default", "via", gw6)
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
        "net.ipv4.conf.all.send_redirects=0", ns=RTR)


def join(dev, peer, router_addrs, peer_addrs):
    """One veth pair between the router and another namespace."""
    run("ip", "link", "add", dev, "netns", RTR, "type", "veth", "peer", "name", "e0",
        "netns", peer)
    for ns, link, addrs in ((RTR, dev, router_addrs), (peer, "e0", peer_addrs)):
        for addr in addrs:
            # No duplicate address detection: an IPv6 address must serve at once.
            extra = ["nodad"] if ":" in addr else []
            run("ip", "-n", ns, "addr", "add", addr, "dev", link, *extra)
        run("ip", "-n", ns, "link", "set", link, "up")
        # Without offloads captures hold the segments and checksums of the wire.
        run("ethtool", "-K", link, "tso", "off", "gso", "off", "gro", "off", "tx", "off",
            "rx", "off", ns=ns, check=False)


def etc_file(ns, name, text):
    """A file that replaces /etc/NAME for processes in one namespace."""
    path = f"{ETC}/{ns}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def resolver_options(options=""):
    """Where the sender asks; `trust-ad` lets the DANE cases believe the AD bit."""
    etc_file(SND, "resolv.conf", f"nameserver {RESOLVER}\n" +
             (f"options {options}\n" if options else ""))


def hosts_files():
    etc_file(SND, "hosts", f"127.0.0.1 localhost\n{SENDER4} client.example.com client\n")
    etc_file(RCV, "hosts", f"127.0.0.1 localhost\n{MX['mx1']} mx1.example.org mx1\n")
    etc_file(RCV, "resolv.conf", f"nameserver {RESOLVER}\n")
    resolver_options()


def nft(table):
    run("nft", "-f", "-", ns=RTR, stdin=table)


def tc(verb, *qdisc):
    """Shape what leaves towards the receiver."""
    run("tc", "qdisc", verb, "dev", TAPS["r"], "root", *qdisc, ns=RTR)


def namespaces():
    """Every namespace of ours that is there."""
    folder = "/run/netns"
    return [n for n in sorted(os.listdir(folder)) if n.startswith("mxw-")] \
        if os.path.isdir(folder) else []


def clear_leftovers():
    """Remove what a run that was killed outright left; the lock keeps out a living one."""
    for ns in namespaces():
        for pid in run("ip", "netns", "pids", ns).split():
            end_pid(int(pid))
    down()


def down():
    for ns in {SND, RTR, RCV, DNS, *namespaces()}:
        run("ip", "netns", "del", ns, check=False)
        shutil.rmtree(f"{ETC}/{ns}", ignore_errors=True)
    if os.path.isdir(ETC) and not os.listdir(ETC):
        os.rmdir(ETC)
