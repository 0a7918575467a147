"""Units at work: sockets that are held open, services that are started, watched and restarted."""
import ctypes
import os
import signal
import socket
import struct
import time

from unit_file import UnitError, exit_statuses

PR_SET_PDEATHSIG = 1
LISTEN_FIRST = 3  # sd_listen_fds(3)
ABNORMAL = {"signal", "core-dump", "watchdog", "timeout"}
RESTART = {"no": set(), "always": {"success", "exit-code"} | ABNORMAL, "on-success": {"success"},
           "on-failure": {"exit-code"} | ABNORMAL, "on-abnormal": ABNORMAL,
           "on-abort": {"signal", "core-dump"}, "on-watchdog": {"watchdog"}}
CLEAN_SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KINDS = {"ListenStream": socket.SOCK_STREAM, "ListenDatagram": socket.SOCK_DGRAM,
         "ListenSequentialPacket": socket.SOCK_SEQPACKET}


def prefixed(root, folder, names, mode, ids):
    """RuntimeDirectory= and its like: made, owned by the service, its paths handed on."""
    paths = []
    for name in names:
        path = f"{root}{folder}/{name}"
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        os.chown(path, *ids)
        paths.append(path)
    return paths


class SocketUnit:
    """Holds its sockets from start to stop, whatever becomes of the service."""

    def __init__(self, file, ids):
        self.file, self.ids = file, ids
        self.name = file.name
        self.service = file.one("Socket", "Service", file.stem + ".service")
        self.label = file.one("Socket", "FileDescriptorName", file.name)
        self.socks, self.paths = [], []

    def open(self):
        for key, kind in KINDS.items():
            for address in self.file.all("Socket", key):
                self.socks.append(self.listen(address, kind))

    def listen(self, address, kind):
        if address.startswith("/"):
            return self.listen_unix(address, kind)
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") or not host else socket.AF_INET
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]") or "::", int(port)))
        if kind != socket.SOCK_DGRAM:
            sock.listen(int(self.file.one("Socket", "Backlog", "4096")))
        return sock

    def listen_unix(self, path, kind):
        sock = socket.socket(socket.AF_UNIX, kind)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            os.unlink(path)
        sock.bind(path)
        os.chmod(path, int(self.file.one("Socket", "SocketMode", "0666"), 8))
        os.chown(path, self.ids(self.file.one("Socket", "SocketUser", "0")),
                 self.ids(self.file.one("Socket", "SocketGroup", "0")))
        if kind != socket.SOCK_DGRAM:
            sock.listen(int(self.file.one("Socket", "Backlog", "4096")))
        self.paths.append(path)
        return sock

    def close(self):
        for sock in self.socks:
            sock.close()
        for path in self.paths:
            if os.path.exists(path):
                os.unlink(path)
        self.socks, self.paths = [], []


class Service:
    """One service. States: inactive, activating, active, stopping, aborting (watchdog),
    waiting (to restart), failed."""

    def __init__(self, file, ids, command, root, log):
        self.file, self.ids, self.root, self.log = file, ids, root, log
        self.name = file.name
        self.command = command
        self.sockets = []
        self.state, self.result, self.status = "inactive", "", ""
        self.pid = self.pidfd = None
        self.restarts, self.starts = 0, []
        self.deadline = None  # of the state: start, stop or the pause before a restart
        self.watchdog_due = None
        self.killed_by_us, self.again = "", False
        self.notify = self.notify_socket()

    def get(self, key, default=""):
        return self.file.one("Service", key, default)

    def notify_socket(self):
        self.notify_path = f"{self.root}/run/unitd/{self.name}"
        os.makedirs(os.path.dirname(self.notify_path), exist_ok=True)
        if os.path.exists(self.notify_path):
            os.unlink(self.notify_path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.bind(self.notify_path)
        os.chmod(self.notify_path, 0o777)
        return sock

    # -- starting ---------------------------------------------------------------------------

    def start(self, now):
        if self.pid or not self.within_start_limit(now):
            return
        uid, gid = self.user()
        env = self.environment(uid, gid)
        argv = self.command(self.get("ExecStart"))
        # A signal to the child before it has its own handlers would be lost in ours.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.pid = os.fork()
        if self.pid == 0:
            self.become(argv, env, uid, gid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self.pidfd = os.pidfd_open(self.pid)
        self.killed_by_us = self.status = ""
        notify = self.get("Type", "simple") in ("notify", "notify-reload")
        self.state = "activating" if notify else "active"
        span = self.file.seconds("Service", "TimeoutStartSec", 90)
        self.deadline = now + span if notify and span else None

    def within_start_limit(self, now):
        """StartLimitIntervalSec= and StartLimitBurst= with their defaults of 10 s and 5."""
        span = self.file.seconds("Unit", "StartLimitIntervalSec", 10)
        burst = int(self.file.one("Unit", "StartLimitBurst", "5"))
        self.starts = [t for t in self.starts if span is None or now - t < span]
        if span != 0 and burst and len(self.starts) >= burst:
            self.state, self.result, self.deadline = "failed", "start-limit-hit", None
            return False
        self.starts.append(now)
        return True

    def user(self):
        user = self.get("User", "0")
        return self.ids(user), self.ids(self.get("Group") or user)

    def environment(self, uid, gid):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        for folder, key, variable in (("/run", "Runtime", "RUNTIME_DIRECTORY"),
                                      ("/var/lib", "State", "STATE_DIRECTORY"),
                                      ("/var/cache", "Cache", "CACHE_DIRECTORY")):
            names = self.file.words("Service", key + "Directory")
            mode = int(self.get(key + "DirectoryMode", "0755"), 8)
            if names:
                env[variable] = ":".join(prefixed(self.root, folder, names, mode, (uid, gid)))
        for word in self.file.words("Service", "Environment"):
            key, _, value = word.partition("=")
            env[key] = value
        env["NOTIFY_SOCKET"] = self.notify_path
        span = self.file.seconds("Service", "WatchdogSec", 0)
        if span:
            env["WATCHDOG_USEC"] = str(int(span * 1e6))
        return env

    def become(self, argv, env, uid, gid):
        """In the child: everything that makes it the service, then exec. Never returns."""
        try:
            os.setsid()
            out = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            null = os.open("/dev/null", os.O_RDONLY)
            fds = self.pass_sockets(env)
            os.dup2(null, 0), os.dup2(out, 1), os.dup2(out, 2)
            os.umask(int(self.get("UMask", "0022"), 8))
            extra = [self.ids(g) for g in self.file.words("Service", "SupplementaryGroups")]
            os.setgroups(extra)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            # After the change of user, which would clear it: no unit outlives this program.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (*SIGNALS, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            env["LISTEN_PID" if fds else "MXW_NO_SOCKETS"] = str(os.getpid())
            os.execve(argv[0], argv, env)
        except BaseException as e:  # whatever it is, the child must not go on as a second unitd
            os.write(2, f"unitd: {self.name}: {e}\n".encode())
        os._exit(203)  # EXIT_EXEC of systemd.exec(5)

    def pass_sockets(self, env):
        """Our sockets become descriptors 3, 4, ...; moved up first, so that none is run over."""
        socks = [(s, unit.label) for unit in self.sockets for s in unit.socks]
        if not socks:
            return 0
        high = [fd_above(s.fileno(), LISTEN_FIRST + len(socks)) for s, _ in socks]
        for at, fd in enumerate(high):
            os.dup2(fd, LISTEN_FIRST + at)
        env["LISTEN_FDS"] = str(len(socks))
        env["LISTEN_FDNAMES"] = ":".join(label for _, label in socks)
        return len(socks)

    # -- what happens to it -----------------------------------------------------------------

    def told(self, now):
        """Messages on NOTIFY_SOCKET; only those of the main process count (NotifyAccess=main)."""
        while True:
            try:
                data, anc, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return
            pid = next((struct.unpack("3i", d)[0] for level, kind, d in anc
                        if kind == socket.SCM_CREDENTIALS), None)
            if pid != self.pid:
                continue
            for line in data.decode(errors="replace").split("\n"):
                self.message(line, now)

    def message(self, line, now):
        key, _, value = line.partition("=")
        if key == "STATUS":
            self.status = value
        elif line == "READY=1" and self.state == "activating":
            self.state, self.deadline = "active", None
            self.pet(now)
        elif line == "WATCHDOG=1" and self.state == "active":
            self.pet(now)
        elif line == "WATCHDOG=trigger":
            self.watchdog_due = now

    def pet(self, now):
        span = self.file.seconds("Service", "WatchdogSec", 0)
        self.watchdog_due = now + span if span else None

    def timers(self, now):
        if self.watchdog_due and now >= self.watchdog_due:
            # A signal that does not end it is followed by SIGKILL after TimeoutAbortSec=.
            self.watchdog_due = None
            self.deadline = now + (self.file.seconds("Service", "TimeoutAbortSec", 90) or 90)
            self.state = "aborting"
            self.end(signal.Signals[self.get("WatchdogSignal", "SIGABRT")], "watchdog")
        if self.deadline is None or now < self.deadline:
            return
        self.deadline = None
        if self.state == "activating":
            self.end(signal.SIGKILL, "timeout")
        elif self.state in ("stopping", "aborting"):
            self.end(signal.SIGKILL, self.killed_by_us)
        elif self.state == "waiting":
            self.restarts += 1
            self.start(now)

    def end(self, number, why):
        self.killed_by_us = why
        os.kill(self.pid, number)

    def stop(self, now, again=False):
        """End it; with `again` start it anew as soon as it is gone."""
        self.again = again
        if self.pid:
            self.state = "stopping"
            self.killed_by_us = "stop"
            span = self.file.seconds("Service", "TimeoutStopSec", 90)
            self.deadline = now + span if span else None
            os.kill(self.pid, signal.SIGTERM)
            os.kill(self.pid, signal.SIGCONT)
        else:
            self.gone(now)

    def gone(self, now):
        """It does not run because we were told so."""
        self.state, self.deadline = "inactive", None
        if self.again:
            self.again = False
            self.starts.clear()
            self.start(now)

    def reload(self):
        if not self.pid:
            raise UnitError(f"{self.name} does not run")
        for text in self.file.all("Service", "ExecReload"):
            argv = self.command(text.replace("$MAINPID", str(self.pid)))
            if os.spawnv(os.P_WAIT, argv[0], argv):
                raise UnitError(f"{self.name}: ExecReload failed")

    def exited(self, now):
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.pid = self.pidfd = self.watchdog_due = self.deadline = None
        what = self.judge(status)
        if self.state == "stopping":
            self.gone(now)
        elif self.restart_wanted(what):
            self.state = "waiting"
            self.deadline = now + (self.file.seconds("Service", "RestartSec", 0.1) or 0)
        else:
            self.state = "inactive" if self.result == "success" else "failed"

    def judge(self, status):
        """Sets the result word of systemd; the code or signal name that the exit lists know."""
        if os.WIFEXITED(status):
            what = os.WEXITSTATUS(status)
            success = what == 0 or what in self.statuses("SuccessExitStatus")
            self.result = "success" if success else "exit-code"
        else:
            number = signal.Signals(os.WTERMSIG(status))
            what = number.name
            self.result = "success" if number in CLEAN_SIGNALS else "signal"
        if self.killed_by_us in ("watchdog", "timeout"):
            self.result = self.killed_by_us
        return what

    def restart_wanted(self, what):
        if what in self.statuses("RestartPreventExitStatus"):
            return False
        return (self.result in RESTART[self.get("Restart", "no")]
                or what in self.statuses("RestartForceExitStatus"))

    def statuses(self, key):
        return exit_statuses(self.file.words("Service", key))

    def describe(self):
        return {"state": self.state, "pid": self.pid, "restarts": self.restarts,
                "result": self.result, "status": self.status}


def fd_above(fd, least):
    """A copy of a descriptor that is no smaller than `least`."""
    copy = os.dup(fd)
    return copy if copy >= least else fd_above(copy, least)


def now():
    return time.monotonic()
