#!/usr/bin/env python3
"""verdict_feed speaks the sensor's feed: what it is told comes out as lines of the feed.

usage: verdict_feed_test.py PROGRAM
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time


class Reader:
    def __init__(self, path, begin):
        deadline = time.monotonic() + 10
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        self.socket.settimeout(10)
        self.socket.sendall(json.dumps({"v": 1, "from": begin}).encode() + b"\n")
        self.file = self.socket.makefile()

    def line(self):
        return json.loads(self.file.readline())


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "feed.sock")
        child = subprocess.Popen([sys.argv[1], path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def say(command, answer="ok"):
            child.stdin.write((command if isinstance(command, str) else json.dumps(command)) + "\n")
            child.stdin.flush()
            got = child.stdout.readline().rstrip("\n")
            assert got.startswith(answer), (command, got)

        say({"put": {"id": "v1", "rule": "R02", "subject": "path", "mx_ip": "192.0.2.25", "ttl_s": 20}})
        reader = Reader(path, 0)
        assert reader.line()["op"] == "reset"
        first = reader.line()
        row = first["row"]
        assert (first["table"], row["id"], row["mx_ip"]) == ("verdict", "v1", "192.0.2.25"), first
        assert (row["state"], row["count"], row["domain_basis"]) == ("active", 2, "rcpt"), first
        assert row["expires"] - row["last_seen"] == 20 * 10**9, first
        assert abs(row["last_seen"] / 1e9 - time.time()) < 60, first
        end = reader.line()
        assert end["op"] == "end" and end["seq"] == first["seq"], end

        say({"put": {"id": "v2", "rule": "R18", "subject": "domain", "domain": "example.org", "count": 1}})
        assert reader.line()["row"]["count"] == 1
        say({"clear": "v1"})
        changed = reader.line()["row"]
        assert (changed["id"], changed["state"]) == ("v1", "cleared"), changed
        say({"void": "v2"})
        assert reader.line()["row"]["state"] == "void"
        say({"expire": "v2"})
        changed = reader.line()["row"]
        assert changed["state"] == "expired" and changed["expires"] <= time.time_ns(), changed

        say({"clear": "v9"}, "error: no verdict v9")
        say({"put": {"id": "v3", "rule": "R02", "subject": "path"}}, "error: no verdict: wrong-type")
        say({"put": {}}, "error: no verdict: wrong-type")
        say("{}", "error: no command")
        say("garbage", "error: not JSON")

        again = Reader(path, end["seq"])
        assert again.line()["op"] == "put", "goes on where a reader was"
        say({"reset": True})
        for other in (reader, again):
            line = other.line()
            while line["op"] == "put":
                line = other.line()
            assert line["op"] == "reset", line
            assert other.line()["op"] == "end"
        child.stdin.close()
        assert child.wait(timeout=10) == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
