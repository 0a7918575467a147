"""A stand-in of libtlsrpt: datagrams of protocol version 1, sent as Postfix's user by default."""
import json
import os
import pwd
import subprocess
import sys

SEND = """import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in sys.stdin.buffer.read().split(b"\\0"):
    if line:
        sock.sendto(line, sys.argv[1])
"""
STS = ["version: STSv1", "mode: enforce", "mx: mx.{0}", "max_age: 86400"]


def session(domain, rua, failure=None):
    """One session with the domain under an MTA-STS policy; `failure` is a result code."""
    policy = {"policy-type": 2, "policy-domain": domain, "policy-string": [s.format(domain) for s in STS],
              "mx-host": ["mx." + domain]}
    if failure:
        policy["failure-details"] = [{"c": failure, "s": "192.0.2.25", "n": "mx." + domain,
                                      "h": f"mx.{domain}\r\nPIPELINING\r\nSIZE 1000", "r": "203.0.113.25"}]
    policy.update({"t": 1 if failure else 0, "f": 1 if failure else 0})
    return json.dumps({"dpv": "1", "d": domain, "pr": "v=TLSRPTv1; rua=" + ",".join(rua),
                       "policies": [policy]}).encode()


def send(path, datagrams, user="postfix"):
    account = pwd.getpwnam(user)
    subprocess.run(["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", sys.executable, "-c",
                    SEND, path], input=b"\0".join(datagrams), check=True)


def samples():
    """Those that the library itself wrote, where there are any."""
    folder = os.path.join(os.environ.get("MXWARDEN_TLSRPT", ""), "datagrams")
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as f:
            found.append(f.read().strip(b"\n"))
    return found
