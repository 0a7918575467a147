#!/usr/bin/env python3
"""The man in the middle of the policy lab: which attack it plays depends on the server dialled.

usage: attacker.py PORT ATTACKS.json CHAIN

ATTACKS.json maps an address to a mode of tests/lab/modes.py and is read anew for every connection,
so that attacks change at run time; who is not in it is passed through. CHAIN is the key and
certificate for the mode that ends TLS.
"""
import argparse
import json
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

from mitm import listen, original, serve  # noqa: E402
from modes import MODES  # noqa: E402


def play(conn, path, opts):
    try:
        with open(path) as f:
            mode = json.load(f).get(original(conn)[0], "pass")
    except (OSError, ValueError) as e:
        print(f"no attack: {e}", flush=True)
        conn.close()
        return
    serve(conn, MODES[mode](opts), None)


def main():
    port, path, chain = sys.argv[1:4]
    opts = argparse.Namespace(cert=chain, client_max="1.3", server_max="1.3", rename=None)
    sock = listen(socket.AF_INET, "0.0.0.0", int(port))
    print("listening", flush=True)
    while True:
        conn = sock.accept()[0]
        threading.Thread(target=play, args=(conn, path, opts), daemon=True).start()


if __name__ == "__main__":
    main()
