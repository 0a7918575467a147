"""Keys and certificates of the lab: two roots, their intermediates, server leaves, forgeries.

The roots live for 20 years so that captures of today still verify at packet time. The second one
stands for an authority that was made to certify the wrong party.
"""
import os

from procs import run

P256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
RSA = ["-newkey", "rsa:2048"]
NAMES = ["mx1.example.org", "mx2.example.org", "mx6.example.org", "mx-dane.example.org",
         "mx.open.test", "mx.old.test"]
CA_EXT = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"


class Pki:
    """Files below one folder; made anew unless the folder already holds a set."""

    def __init__(self, folder):
        self.dir = folder

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self):
        self.make_folder()
        if not os.path.exists(self.path("complete")):
            self.make_first()
        if not os.path.exists(self.path("inter-two.pem")):
            self.root("root-two", "mxwarden lab second root")
            self.intermediate("inter-two", "root-two", "mxwarden lab second intermediate")

    def make_folder(self):
        os.makedirs(self.dir, mode=0o700, exist_ok=True)

    def make_first(self):
        self.root("root", "mxwarden lab root")
        self.intermediate("inter", "root", "mxwarden lab intermediate")
        self.leaf("mx", NAMES[0])
        self.leaf("mx-rsa", NAMES[0], RSA)
        self.expired("old", "mx.old.test")
        self.self_signed("fake", NAMES[0])
        self.self_signed("attacker", "mx.attacker.test")
        self.write("complete", "")

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def openssl(self, *argv):
        return run("openssl", *argv)

    def root(self, name, subject):
        self.openssl("req", "-x509", *P256, "-nodes", "-days", "7305",
                     "-subj", "/O=mxwarden lab/CN=" + subject,
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"))

    def intermediate(self, name, root, subject):
        self.request(name, "/O=mxwarden lab/CN=" + subject, P256)
        self.sign(name, root, CA_EXT, ["-days", "7300"])

    def request(self, name, subject, key):
        self.openssl("req", *key, "-nodes", "-subj", subject,
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))

    def sign(self, name, issuer, ext, validity):
        self.write("ext", ext)
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"),
                     "-CA", self.path(issuer + ".pem"), "-CAkey", self.path(issuer + ".key"),
                     "-CAcreateserial", "-extfile", self.path("ext"), *validity,
                     "-out", self.path(name + ".pem"))

    def leaf(self, name, host, key=P256, issuer="inter", names=NAMES):
        """A server certificate, valid from now on; NAME.chain is what a server presents."""
        san = ",".join("DNS:" + n for n in names)
        self.request(name, f"/CN={host}", key)
        self.sign(name, issuer, f"subjectAltName={san}\nextendedKeyUsage=serverAuth\n",
                  ["-days", "1095"])
        self.bundle(name, [name + ".key", name + ".pem", issuer + ".pem"])

    def expired(self, name, host):
        """`openssl x509` knows no start date in 3.0, so the small `ca` command signs this one."""
        self.request(name, f"/CN={host}", P256)
        self.write("index.txt", "")
        self.write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndefault_md=sha256\npolicy=p\n"
                   f"database={self.path('index.txt')}\nnew_certs_dir={self.dir}\n"
                   f"rand_serial=yes\nx509_extensions=e\n[p]\ncommonName=supplied\n"
                   f"[e]\nsubjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n")
        self.openssl("ca", "-batch", "-notext", "-config", self.path("ca.cnf"),
                     "-cert", self.path("inter.pem"), "-keyfile", self.path("inter.key"),
                     "-startdate", "20240101000000Z", "-enddate", "20250101000000Z",
                     "-in", self.path(name + ".csr"), "-out", self.path(name + ".pem"))
        self.bundle(name, [name + ".key", name + ".pem", "inter.pem"])

    def self_signed(self, name, host):
        """What an attacker without any authority can make: the right name, nobody's signature."""
        self.openssl("req", "-x509", *P256, "-nodes", "-days", "1095", "-subj", f"/CN={host}",
                     "-addext", f"subjectAltName=DNS:{host}",
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"))
        self.bundle(name, [name + ".key", name + ".pem"])

    def bundle(self, name, parts):
        self.write(name + ".chain", self.text(*parts))
        os.chmod(self.path(name + ".chain"), 0o600)

    def text(self, *names):
        """Several PEM files as one text."""
        text = ""
        for name in names:
            with open(self.path(name)) as f:
                text += f.read()
        return text

    def export(self, folder):
        """The roots for --ca-file: the usual one, and both."""
        os.makedirs(folder, exist_ok=True)
        for name, roots in (("lab-ca.pem", ["root.pem"]),
                            ("lab-ca-two.pem", ["root.pem", "root-two.pem"])):
            with open(os.path.join(folder, name), "w") as f:
                f.write(self.text(*roots))

    def tlsa(self, name):
        """The data of a `3 1 1` record for one certificate."""
        key = run("openssl", "x509", "-in", self.path(name + ".pem"), "-noout", "-pubkey")
        self.write("spki.pub", key)
        run("openssl", "pkey", "-pubin", "-in", self.path("spki.pub"), "-outform", "DER",
            "-out", self.path("spki.der"))
        digest = run("openssl", "dgst", "-sha256", "-r", self.path("spki.der"))
        return "3 1 1 " + digest.split()[0]
