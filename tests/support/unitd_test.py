"""Does unitd do what systemd says it does? Small services of our own, as files in a temporary folder."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from unit_file import UnitError, UnitFile, seconds  # noqa: E402

# A service that says what it was given, is ready, and then does what its arguments say.
PROBE = """#!/usr/bin/env python3
import json, os, socket, sys, time, signal
def notify(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(os.environ["NOTIFY_SOCKET"])
    s.send(text.encode())
mask = os.umask(0)
said = {"env": dict(os.environ), "pid": os.getpid(), "ids": [os.getuid(), os.getgid()],
        "groups": os.getgroups(), "umask": mask, "fds": sorted(map(int, os.listdir("/proc/self/fd")))}
with open(sys.argv[1], "a") as f: f.write(json.dumps(said) + "\\n")
def hup(*_): open(sys.argv[1] + ".hup", "w").close()
signal.signal(signal.SIGHUP, hup)
for word in sys.argv[2:]:
    if word == "ready": notify("READY=1\\nSTATUS=at work")
    elif word.startswith("exit"): sys.exit(int(word[4:]))
    elif word == "serve":
        s = socket.socket(fileno=3); s.setblocking(True)
        while True: c = s.accept()[0]; c.sendall(str(os.getpid()).encode()); c.close()
    elif word.startswith("pet"):
        for _ in range(int(word[3:])): notify("WATCHDOG=1"); time.sleep(0.05)
    elif word == "sleep": time.sleep(100)
"""


def alive(pid):
    """Gone, or a zombie that nobody has buried yet: both are dead."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Reading(unittest.TestCase):
    def test_files_are_read_as_systemd_reads_them(self):
        file = UnitFile("a.service", "# note\n[Unit]\nX=1\nX=\nX=2\n[Service]\nEnvironment=A=1 \\\n"
                        " \"B=2 3\"\nStateDirectory=mxwarden/%p\nExecStart=/usr/bin/x /etc/mxwarden/c"
                        "\nOther=/usr/etc/mxwarden %t/mxwarden\n", "/r")
        self.assertEqual(file.all("Unit", "X"), ["2"])
        self.assertEqual(file.words("Service", "Environment"), ["A=1", "B=2 3"])
        self.assertEqual(file.one("Service", "StateDirectory"), "mxwarden/a")
        self.assertEqual(file.one("Service", "ExecStart"), "/usr/bin/x /r/etc/mxwarden/c")
        self.assertEqual(file.one("Service", "Other"), "/usr/etc/mxwarden /r/run/mxwarden")

    def test_what_is_no_unit_file_is_refused(self):
        for text in ("X=1\n", "[Unit]\nnonsense\n"):
            with self.assertRaises(UnitError):
                UnitFile("a.service", text)

    def test_time_spans(self):
        for text, value in (("5", 5), ("100ms", 0.1), ("1min 30s", 90), ("infinity", None)):
            self.assertEqual(seconds(text), value)
        for text in ("", "abc", "5 parsecs"):
            with self.assertRaises(UnitError):
                seconds(text)


class Working(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unitd-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        os.chmod(self.dir, 0o777)
        self.write("probe", PROBE, 0o755)
        self.said_path = self.dir + "/said"
        self.child = None

    def write(self, name, text, mode=0o644):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)
        os.chmod(f"{self.dir}/{name}", mode)
        return f"{self.dir}/{name}"

    def begin(self, service, words, socket_unit=None, unit="", ids=(), args=()):
        text = f"[Unit]\n{unit}\n[Service]\nExecStart=/usr/bin/probe {self.said_path} {words}\n"
        paths = [self.write("probe.service", text + service)]
        if socket_unit:
            paths.append(self.write("probe.socket", "[Socket]\n" + socket_unit))
        argv = [sys.executable, f"{HERE}/unitd", "--root", self.dir, "--control",
                self.dir + "/control", "--bin", self.dir]
        for pair in ids:
            argv += ["--id", pair]
        for pair in args:
            argv += ["--arg", pair]
        self.child = subprocess.Popen(argv + paths, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        self.assertEqual(self.child.stdout.readline(), "unitd: started\n")

    def end(self):
        self.child.terminate()
        self.child.wait(10)
        self.child.stdout.close()

    def tell(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.dir + "/control")
            s.sendall(line.encode())
            return json.loads(s.makefile().readline())

    def state(self):
        return self.tell("status")["probe.service"]

    def until(self, condition):
        end = time.monotonic() + 10
        while not condition():
            self.assertLess(time.monotonic(), end, str(self.state()))
            time.sleep(0.01)

    def said(self):
        if not os.path.exists(self.said_path):
            return []
        with open(self.said_path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def asked(self):
        with socket.create_connection(("127.0.0.1", 18461)) as s:
            try:
                return s.recv(100)
            except ConnectionResetError:
                return b""

    def test_the_socket_outlives_the_service(self):
        self.begin("Type=notify\nRestart=always\nRestartSec=50ms\n", "ready serve",
                   f"ListenStream=127.0.0.1:18461\nListenStream={self.dir}/s\n"
                   "FileDescriptorName=one\nSocketMode=0600\n", "StartLimitIntervalSec=0")
        pids = set()
        for _ in range(8):
            # Who dies with a question in hand leaves it; one more try must do, as for Postfix.
            pids.add(int(self.asked() or self.asked()))
            self.until(lambda: self.state()["pid"])
            self.tell("kill probe.service SIGKILL")
        self.assertEqual(len(pids), 8)
        env = self.said()[0]["env"]
        self.assertEqual((env["LISTEN_FDS"], env["LISTEN_FDNAMES"], env["LISTEN_PID"]),
                         ("2", "one:one", str(self.said()[0]["pid"])))
        self.assertEqual(set(self.said()[0]["fds"]) - {0, 1, 2, 3, 4}, {5, 6} &
                         set(self.said()[0]["fds"]))
        self.assertEqual(os.stat(self.dir + "/s").st_mode & 0o777, 0o600)

    def test_active_only_after_ready(self):
        self.begin("Type=notify\n", "sleep")
        self.until(self.said)
        self.assertEqual(self.state()["state"], "activating")

    def test_ready_and_status(self):
        self.begin("Type=notify\n", "ready sleep")
        self.until(lambda: self.state()["state"] == "active")
        self.assertEqual(self.state()["status"], "at work")

    def test_start_timeout_kills(self):
        self.begin("Type=notify\nTimeoutStartSec=100ms\n", "sleep")
        self.until(lambda: self.state()["state"] == "failed")
        self.assertEqual(self.state()["result"], "timeout")

    def test_missed_watchdog_kills_and_restarts(self):
        self.begin("Type=notify\nWatchdogSec=300ms\nRestart=on-failure\nRestartSec=10ms\n",
                   "ready pet20 sleep")
        self.until(lambda: len(self.said()) == 2)
        self.assertEqual(self.state()["result"], "watchdog")
        self.assertEqual(self.said()[0]["env"]["WATCHDOG_USEC"], "300000")

    def test_a_stopped_process_misses_its_watchdog_too(self):
        self.begin("Type=notify\nWatchdogSec=300ms\nWatchdogSignal=SIGKILL\nRestart=always\n",
                   "ready pet1000")
        self.until(lambda: self.state()["state"] == "active")
        self.tell("kill probe.service SIGSTOP")
        self.until(lambda: self.state()["restarts"] == 1)

    def test_a_stopped_process_outlives_a_signal_that_can_wait(self):
        self.begin("Type=notify\nWatchdogSec=100ms\nTimeoutAbortSec=400ms\nRestart=always\n",
                   "ready pet1000")
        self.until(lambda: self.state()["state"] == "active")
        pid = self.state()["pid"]
        self.tell("kill probe.service SIGSTOP")
        self.until(lambda: self.state()["state"] == "aborting")
        self.assertEqual(self.state()["pid"], pid)
        self.until(lambda: self.state()["restarts"] == 1)

    def test_arguments_are_added_to_the_program_of_that_name(self):
        self.begin("", "sleep", args=("probe=--extra", "other=no"))
        self.until(self.said)
        with open(f"/proc/{self.state()['pid']}/cmdline") as f:
            self.assertEqual(f.read().split("\0")[-3:-1], ["sleep", "--extra"])

    def test_restart_on_75_and_on_failure_only(self):
        for words, restart, wanted in (("exit75", "on-failure", True), ("exit0", "on-failure", False),
                                       ("exit2", "no", False), ("exit0", "always", True)):
            with self.subTest(words=words, restart=restart):
                self.begin(f"Restart={restart}\nRestartSec=10ms\n", words)
                if wanted:
                    self.until(lambda: self.state()["restarts"] >= 2)
                else:
                    self.until(lambda: self.state()["state"] in ("inactive", "failed"))
                    self.assertEqual(self.state()["restarts"], 0)
                self.end()

    def test_exit_codes_that_prevent_a_restart(self):
        self.begin("Restart=always\nRestartPreventExitStatus=2 3\n", "exit3")
        self.until(lambda: self.state()["state"] == "failed")
        self.assertEqual(self.state()["restarts"], 0)

    def test_start_limit_by_default_and_none_if_said(self):
        self.begin("Restart=always\nRestartSec=1ms\n", "exit1")
        self.until(lambda: self.state()["state"] == "failed")
        self.assertEqual((self.state()["result"], len(self.said())), ("start-limit-hit", 5))
        self.end()
        self.begin("Restart=always\nRestartSec=1ms\n", "exit1", unit="StartLimitIntervalSec=0")
        self.until(lambda: self.state()["restarts"] > 6)

    def test_reload_stop_start_restart(self):
        self.begin("Type=notify\nExecReload=/bin/kill -HUP $MAINPID\n", "ready sleep")
        self.until(lambda: self.state()["state"] == "active")
        self.tell("reload probe.service")
        self.until(lambda: os.path.exists(self.said_path + ".hup"))
        self.tell("stop probe.service")
        self.until(lambda: self.state()["state"] == "inactive")
        self.tell("start probe.service")
        self.until(lambda: len(self.said()) == 2)
        self.tell("restart probe.service")
        self.until(lambda: len(self.said()) == 3)
        self.assertIn("error", self.tell("dance probe.service"))

    def test_nothing_outlives_unitd(self):
        self.begin("Type=notify\n", "ready sleep")
        self.until(self.said)
        pid = self.said()[0]["pid"]
        self.child.kill()
        end = time.monotonic() + 10
        while alive(pid):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_user_groups_folders_umask(self):
        self.begin("User=mxw-x\nGroup=mxw-y\nSupplementaryGroups=mxw-z\nUMask=0077\n"
                   "StateDirectory=mxwarden/x\nStateDirectoryMode=0700\n"
                   "RuntimeDirectory=mxwarden/x\nEnvironment=A=b\n", "sleep",
                   ids=("mxw-x=64701", "mxw-y=64702", "mxw-z=64703"))
        self.until(self.said)
        said = self.said()[0]
        self.assertEqual((said["ids"], said["groups"], said["umask"]),
                         ([64701, 64702], [64703], 0o77))
        state = self.dir + "/var/lib/mxwarden/x"
        self.assertEqual(said["env"]["STATE_DIRECTORY"], state)
        self.assertEqual(said["env"]["A"], "b")
        self.assertEqual((os.stat(state).st_mode & 0o777, os.stat(state).st_uid), (0o700, 64701))


if __name__ == "__main__":
    signal.alarm(120)
    unittest.main()
