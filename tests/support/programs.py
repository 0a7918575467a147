"""Programs of ours under `unitd` by their shipped units, in a namespace and below a root of their own."""
import glob
import json
import os
import socket
import sys

from procs import Failure, wait_for
from sendmail import TOP

# Users and groups of ours by number; nobody else on a machine has these.
IDS = {"mxw-policy": 64701, "mxw-map": 64702, "mxw-milter": 64703, "mxw-sensor": 64704,
       "mxw-report": 64705, "mxw-metrics": 64706, "mxw-op": 64710, "mxw-ask": 64711,
       "mxw-feed": 64712, "mxwarden": 64713}


class Units:
    """`root` is put before the programs' folders; what they print is in root/log."""

    def __init__(self, name, ns, folder):
        self.name, self.ns, self.dir, self.root = name, ns, folder, folder + "/root"
        self.unitd = None

    def write_file(self, name, text):
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def state_folder(self, name):
        return f"{self.root}/var/lib/mxwarden/{name}"

    def launch(self, background, bin_folder, units, programs, wait=True):
        """Start the units; `programs` are told where their settings are."""
        self.background = background
        ids = [word for name, number in IDS.items() for word in ("--id", f"{name}={number}")]
        for program in programs:
            ids += ["--arg", f"{program}=--config={self.root}/etc/mxwarden/mxwarden.toml"]
        self.unitd = background.start(
            "unitd-" + self.name, sys.executable, f"{TOP}/tests/support/unitd", "--root", self.root,
            "--control", self.dir + "/unitd", "--bin", bin_folder, *ids, *units, ns=self.ns,
            ready="unitd: started")
        if not wait:
            return
        try:
            wait_for(lambda: all(u["state"] == "active" for u in self.tell("status").values()),
                     f"units of {self.name}", 20)
        except Failure as e:
            raise Failure(f"{e}: {self.tell('status')}\n" + "\n".join(self.last_words())) from e

    def end_units(self):
        if self.unitd:
            self.background.stop(self.unitd)

    def last_words(self, count=15):
        """What our programs printed last."""
        found = []
        for path in sorted(glob.glob(self.root + "/log/*.service.log")):
            with open(path, errors="replace") as f:
                found += [f"{os.path.basename(path)[:-12]}: {line}"
                          for line in f.read().split("\n")[-count:] if line]
        return found

    def tell(self, line):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.dir + "/unitd")
            sock.sendall(line.encode())
            answer = json.loads(sock.makefile().readline())
        if "error" in answer:
            raise Failure(f"unitd {self.name}: {line}: {answer['error']}")
        return answer

    def kill(self, unit, sig="SIGKILL"):
        """A signal for a unit; that it is just being restarted is no failure."""
        try:
            self.tell(f"kill {unit} {sig}")
        except Failure:
            pass

    def state(self, unit):
        return self.tell("status")[unit]

    def stop(self, unit):
        self.tell(f"stop {unit}")
        wait_for(lambda: self.state(unit)["pid"] is None, f"{unit} to stop")

    def begin(self, unit):
        self.tell(f"start {unit}")
        wait_for(lambda: self.state(unit)["state"] == "active", f"{unit} to start")
