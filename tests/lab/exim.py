"""Exim as a sender. Its package would replace Postfix, so its files are unpacked aside."""
import glob
import os

import net
from procs import run

# The daemon, its helpers, and a library that Postfix does not bring along.
PACKAGES = ["exim4-daemon-light", "exim4-base", "libidn12"]
CONF = """primary_hostname = exim.example.com
spool_directory = {spool}
log_file_path = {spool}/log/%slog
keep_environment =
disable_ipv6 = true
qualify_domain = example.com
message_size_limit = 1M
local_interfaces = 127.0.0.1
acl_not_smtp =

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
        """The user that Exim insists on exists only in the sender's namespace."""
        for name, line in (("passwd", "Debian-exim:x:64991:64991::/:/usr/sbin/nologin\n"),
                           ("group", "Debian-exim:x:64991:\n")):
            with open("/etc/" + name) as f:
                net.etc_file(net.SND, name, f.read() + line)
        os.makedirs(self.spool + "/log", exist_ok=True)
        for folder in (self.spool, self.spool + "/log"):
            os.chown(folder, 64991, 64991)

    def send(self, *rcpts, sender="correspondent@example.com", extra=""):
        """One message, delivered before the command returns."""
        conf = self.dir + "/exim.conf"
        with open(conf, "w") as f:
            f.write(CONF.format(spool=self.spool, address=net.SENDER4, extra=extra))
        libs = self.dir + "/root/usr/lib/x86_64-linux-gnu"
        return run(self.binary, "-C", conf, "-odf", "-f", sender, *rcpts, ns=net.SND,
                   stdin="Subject: lab\n\nOne line.\n", env={"LD_LIBRARY_PATH": libs})

    def log(self):
        text = ""
        for name in ("mainlog", "paniclog"):
            path = f"{self.spool}/log/{name}"
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text
