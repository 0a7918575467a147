"""Sendmail, unpacked and not installed (its package and Postfix exclude each other)."""
import os
import re
import socket
import subprocess
import threading
import time

from outcome import Outcome
from procs import Failure, in_ns, run
from snippets import snippet

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ROOT = os.environ.get("MXW_SENDMAIL", os.path.join(TOP, "build", "sendmail"))  # by `./dev deps`
BINARY = ROOT + "/usr/libexec/sendmail/sendmail"
CF = ROOT + "/usr/share/sendmail/cf/"

MC = """divert(0)dnl
VERSIONID(`mxwarden policy lab')dnl
OSTYPE(`linux')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`ALIAS_FILE', `{dir}/aliases')dnl
define(`confPID_FILE', `{dir}/pid')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `')dnl
define(`confCW_FILE', `-o {dir}/local-host-names')dnl
define(`confDOMAIN_NAME', `client.example.com')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confTO_IDENT', `0s')dnl
define(`LOCAL_MAILER_PATH', `/bin/true')dnl
define(`LOCAL_MAILER_ARGS', `true')dnl
define(`PROCMAIL_MAILER_PATH', `/bin/true')dnl
FEATURE(`nouucp', `reject')dnl
FEATURE(`no_default_msa')dnl
{snippets}MAILER(`local')dnl
MAILER(`smtp')dnl
"""
# syslog(3) writes to /dev/log and nowhere else: the process gets a /dev of its own, whose log is ours.
OWN_DEV = """set -e
mount -t tmpfs -o size=64k mxw-dev "$0/dev"
for name in null zero random urandom full tty; do cp -a /dev/$name "$0/dev/"; done
ln -s "$0/syslog" "$0/dev/log"
mount --bind "$0/dev" /dev
exec "$@"
"""
VERIFY = re.compile(r"STARTTLS=client, relay=([^,\s]+?)\.?, .*verify=(\w+)")
FINAL = re.compile(r"sendmail\[(\d+)\]: \w+: to=<?([^,>]+)>?, .*?(?:relay=([^\s,]+?)\.? .*?)?"
                   r"dsn=([\d.]+), (?:reply=.*, )?stat=(\w+)(.*)")
REFUSED = re.compile(r"reject=([45]\d\d [45]\.\d\.\d+)\b")
# verify=FAIL and NO in the words of Postfix: a certificate that nobody vouches for, and none.
WORDS = {"OK": "Verified", "FAIL": "Untrusted", "NO": "Anonymous", "NOT": "Anonymous"}


class Sendmail:
    """Settings below one folder; every message is delivered at once by a process of its own."""

    def __init__(self, folder, ns):
        self.dir, self.ns = folder, ns
        self.log = folder + "/log"

    def configure(self, *names):
        """Make sendmail.cf with the named snippets of docs/sendmail.md."""
        snippets = "".join(snippet("sendmail.md", "sendmail.mc " + n) for n in names)
        self.make(MC.format(dir=self.dir, snippets=snippets))

    def make(self, text):
        """The folders and sendmail.cf, from the text of an .mc file."""
        for sub in ("queue", "dev"):
            os.makedirs(f"{self.dir}/{sub}", exist_ok=True)
        os.chmod(self.dir + "/queue", 0o700)
        # Sendmail wants to count somewhere.
        for name in ("statistics", "aliases", "local-host-names", "log"):
            open(f"{self.dir}/{name}", "w").close()
        cf = run("m4", f"-D_CF_DIR_={CF}", CF + "m4/cf.m4", "-", stdin=text)
        with open(self.dir + "/sendmail.cf", "w") as f:
            f.write(cf)
        self.collect_log()

    def collect_log(self):
        """A receiver for syslog, for as long as this process lives."""
        if os.path.exists(self.dir + "/syslog"):
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(self.dir + "/syslog")

        def receive():
            with open(self.log, "ab", buffering=0) as log:
                while True:
                    log.write(sock.recv(65536).rstrip(b"\0\n") + b"\n")
        threading.Thread(target=receive, daemon=True).start()

    def deliver(self, recipient, sender="correspondent@example.com", seconds=60):
        """Hand over one message, wait for the attempt, say how it ended."""
        said = self.run(seconds, "-v", "-odi", "-f", sender, recipient)
        return self.outcome(recipient, said)

    def run_queue(self, seconds=60):
        """One more try for every message that is held."""
        self.run(seconds, "-q")

    def run(self, seconds, *options):
        argv = in_ns(self.ns, ["sh", "-c", OWN_DEV, self.dir, BINARY, "-C",
                               self.dir + "/sendmail.cf", *options])
        try:
            done = subprocess.run(argv, input="Subject: lab\n\nOne line.\n", capture_output=True,
                                  text=True, timeout=seconds)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"sendmail {' '.join(options)}: not done within {seconds} s") from e
        return done.stdout + done.stderr

    def outcome(self, recipient, said):
        """From the log; the code of a mail that is held is what a rule set said, as `403 4.7.0`."""
        finals, end = [], time.monotonic() + 5
        while not finals:
            # The process is done; what it logged may still be on its way to us.
            with open(self.log, errors="replace") as f:
                log = f.read().split("\n")
            finals = [m for m in map(FINAL.search, log) if m and m.group(2) == recipient]
            if not finals and time.monotonic() > end:
                return Outcome("unknown", "", "", text=said)
        pid, _, relay, dsn, stat, rest = finals[-1].groups()
        ours = [line for line in log if f"sendmail[{pid}]" in line]
        tls, code = "clear", dsn
        for line in ours:
            found = VERIFY.search(line)
            if found and found.group(1) == relay:
                tls = WORDS.get(found.group(2), found.group(2))
            found = REFUSED.search(line)
            if found and stat != "Sent":
                code = found.group(1)
        return Outcome(stat.lower(), code, tls, relay or "", text="\n".join(ours))
