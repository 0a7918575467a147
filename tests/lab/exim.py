"""Exim as a sender. Its package would replace Postfix, so its files are unpacked aside."""
import glob
import os

import net
from procs import Failure, run

# Of what the daemon needs, only libidn12 does not come with a plain Debian; it is installed.
PACKAGES = ["exim4-daemon-light", "exim4-base"]
MOUNT_POINT = "/etc/exim4"
CONF = """primary_hostname = exim.example.com
spool_directory = {spool}
log_file_path = {spool}/log/%slog
keep_environment =
exim_path = {binary}
disable_ipv6 = true
qualify_domain = example.com
message_size_limit = 1M
local_interfaces = 127.0.0.1

begin routers
route:
  driver = dnslookup
  transport = out

begin transports
out:
  driver = smtp
  interface = {address}
  dkim_domain =
{extra}

begin retry
* * F,1h,5s
"""


class Exim:
    def __init__(self, work):
        self.dir = work + "/exim"
        self.spool = self.dir + "/spool"
        self.made_mount_point = False
        self.binary = self.dir + "/root/usr/sbin/exim4"

    def fetch(self):
        """Download and unpack once per run; nothing is installed."""
        if os.path.exists(self.binary):
            return
        os.makedirs(self.dir + "/root", exist_ok=True)
        # `sh -c`: apt-get download writes into the current folder.
        run("sh", "-c", 'cd "$0" && apt-get -qq download "$@"', self.dir, *PACKAGES)
        for deb in glob.glob(self.dir + "/*.deb"):
            run("dpkg", "-x", deb, self.dir + "/root")

    def accounts(self):
        """User and configuration that Exim insists on exist only in the sender's namespace.

        A configuration named by -C would not do: Exim drops root to take a message, starts
        itself again to deliver it, and then may not use -C. The folder is only a mount point.
        """
        if not os.path.exists(MOUNT_POINT):
            os.mkdir(MOUNT_POINT)
            self.made_mount_point = True
        for name, line in (("passwd", "Debian-exim:x:64991:64991::/:/usr/sbin/nologin\n"),
                           ("group", "Debian-exim:x:64991:\n")):
            with open("/etc/" + name) as f:
                net.etc_file(net.SND, name, f.read() + line)
        os.makedirs(self.spool + "/log", exist_ok=True)
        for folder in (self.spool, self.spool + "/log"):
            os.chown(folder, 64991, 64991)

    def send(self, *rcpts, sender="correspondent@example.com", extra=""):
        """One message, delivered before the command returns."""
        net.etc_file(net.SND, "exim4/exim4.conf", CONF.format(
            spool=self.spool, binary=self.binary, address=net.SENDER4, extra=extra))
        run(self.binary, "-odf", "-f", sender, *rcpts, ns=net.SND,
            stdin="Subject: lab\n\nOne line.\n")
        if glob.glob(self.spool + "/input/*-H"):
            raise Failure("exim did not deliver:\n" + self.log())

    def clean(self):
        if self.made_mount_point:
            os.rmdir(MOUNT_POINT)

    def log(self):
        text = ""
        for name in ("mainlog", "paniclog"):
            path = f"{self.spool}/log/{name}"
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text
