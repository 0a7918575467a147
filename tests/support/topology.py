"""Namespaces of the policy lab, around the router where the attacker sits.

    mxw-<host> --h<N>[ mxw-rtr ]rr-- mxw-rcv   mail servers 198.51.100.10...
    192.0.2.4N+2          |    \\--rw-- mxw-web   policy host 203.0.113.18
                          rd -- mxw-dns         resolver 203.0.113.2, zones 203.0.113.3

Sender hosts come and go while the lab runs; each has a link of its own.
"""
import ctypes
import os
import shutil
import signal
import threading

import net
from procs import run

RTR, RCV, DNS, WEB = net.RTR, net.RCV, net.DNS, "mxw-web"
RESOLVER, AUTHORITY, POLICY_HOST = "203.0.113.2", "203.0.113.3", "203.0.113.18"
BLACKHOLE = "203.0.113.250"  # what is sent there is never heard of again
LOST = "cs7"  # mark of packets that the router does not pass on
LAB_NETS = ["203.0.113.0/24", "198.51.100.0/24"]
CLONE_NEWNET = 0x40000000
MAX_HOSTS = 62  # /30 networks in 192.0.2.0/24

_lock, _used = threading.Lock(), set()


def up(mx_addresses):
    for ns in (RTR, RCV, DNS, WEB):
        add(ns)
    net.join("rr", RCV, ["198.51.100.1/24"], [a + "/24" for a in mx_addresses])
    net.join("rd", DNS, ["203.0.113.1/28"], [RESOLVER + "/28", AUTHORITY + "/28"])
    net.join("rw", WEB, ["203.0.113.17/28"], [POLICY_HOST + "/28"])
    for ns, gateway in ((RCV, "198.51.100.1"), (DNS, "203.0.113.1"), (WEB, "203.0.113.17")):
        run("ip", "-n", ns, "route", "add", "default", "via", gateway)
    run("ip", "-n", RTR, "route", "add", "blackhole", BLACKHOLE)
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", ns=RTR)
    net.nft("table inet lost {\n chain f {\n  type filter hook forward priority 0;\n"
            f"  ip dscp {LOST} drop\n }}\n}}\n")
    net.etc_file(RCV, "hosts", "127.0.0.1 localhost\n")
    net.etc_file(RCV, "resolv.conf", f"nameserver {RESOLVER}\n")


def add(ns):
    run("ip", "netns", "add", ns)
    run("ip", "-n", ns, "link", "set", "lo", "up")


def add_host(ns):
    """A namespace for a sender host; its address."""
    with _lock:
        number = min(set(range(MAX_HOSTS)) - _used)
        _used.add(number)
    # A namespace that is deleted lets go of its links some time later.
    run("ip", "-n", RTR, "link", "del", f"h{number}", check=False)
    router, address = f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"
    add(ns)
    net.join(f"h{number}", ns, [router + "/30"], [address + "/30"])
    run("ip", "-n", ns, "route", "add", "default", "via", router)
    return address


def remove_host(ns, address):
    """Also after a start that failed half-way; the address is then None."""
    remove(ns)
    if address:
        with _lock:
            _used.discard((int(address.split(".")[3]) - 2) // 4)


def remove(ns):
    """The namespace, and whatever of ours still runs in it."""
    if os.path.exists(f"/run/netns/{ns}"):
        for pid in run("ip", "netns", "pids", ns, check=False).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "del", ns, check=False)
    shutil.rmtree(f"{net.ETC}/{ns}", ignore_errors=True)


def remove_all():
    for ns in net.namespaces():
        remove(ns)
    if os.path.isdir(net.ETC) and not os.listdir(net.ETC):
        os.rmdir(net.ETC)


class Inside:
    """The calling thread is in a namespace for a `with` block: sockets made there stay there."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, ns):
        self.path = f"/run/netns/{ns}"

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            self.enter(there)
        finally:
            os.close(there)

    def __exit__(self, *_):
        try:
            self.enter(self.home)
        finally:
            os.close(self.home)

    def enter(self, fd):
        if self.libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
