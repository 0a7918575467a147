"""Running commands, inside namespaces or not, and ending what was started."""
import os
import signal
import subprocess
import time


class Failure(Exception):
    """A step of the lab did not do what it had to; the message is for the user."""


def run(*argv, ns=None, check=True, stdin=None, env=None):
    """Run a command to its end and return its standard output."""
    argv = in_ns(ns, argv)
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True,
                          env=dict(os.environ, **(env or {})))
    if check and done.returncode:
        raise Failure(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_ns(ns, argv):
    """The argument list that runs argv in a namespace (or here, without one)."""
    argv = [str(a) for a in argv]
    return ["ip", "netns", "exec", ns, *argv] if ns else argv


class Background:
    """Long-running children. Each is ended by its own process id, the newest first."""

    def __init__(self, logdir):
        self.logdir = logdir
        self.children = []

    def start(self, name, *argv, ns=None, ready=None):
        """Start a child; with `ready`, wait until that text is in its log."""
        log = os.path.join(self.logdir, name + ".log")
        with open(log, "wb") as out:
            child = subprocess.Popen(in_ns(ns, argv), stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        if ready:
            wait_for(lambda: has_text(log, ready, child), f"{name} to say '{ready}' in {log}")
        return child

    def stop(self, child, sig=signal.SIGTERM):
        """End one child and wait for it; a deaf one is killed after 5 s."""
        if child.poll() is None:
            child.send_signal(sig)
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def stop_all(self):
        for child in reversed(list(self.children)):
            self.stop(child)


def has_text(path, text, child=None):
    with open(path, "rb") as log:
        found = text.encode() in log.read()
    if not found and child is not None and child.poll() is not None:
        raise Failure(f"child ended early, see {path}")
    return found


def wait_for(condition, what, seconds=30):
    """Poll until the condition holds; give up with a message that names it."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def end_pidfile(path):
    """End the daemon whose pid file we told it to write, and wait until it is gone."""
    try:
        with open(path) as f:
            pid = int(f.read().split()[0])
    except (OSError, ValueError, IndexError):
        return
    end_pid(pid)


def end_pid(pid):
    """End a process that is no child of ours, and wait until it is gone."""
    try:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), f"process {pid} to end", 10)
    except ProcessLookupError:
        pass
    except Failure:
        os.kill(pid, signal.SIGKILL)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
