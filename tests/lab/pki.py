"""Keys and certificates of the lab: a root, an intermediate, server leaves, forgeries.

The root lives for 20 years so that captures of today still verify at packet time.
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
        if os.path.exists(self.path("complete")):
            return
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.root()
        self.intermediate()
        san = ",".join("DNS:" + n for n in NAMES)
        self.leaf("mx", NAMES[0], san, P256, ["-days", "1095"])
        self.leaf("mx-rsa", NAMES[0], san, RSA, ["-days", "1095"])
        self.expired("old", "mx.old.test")
        self.self_signed("fake", NAMES[0])
        self.self_signed("attacker", "mx.attacker.test")
        self.write("complete", "")

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def openssl(self, *argv):
        return run("openssl", *argv)

    def root(self):
        self.openssl("req", "-x509", *P256, "-nodes", "-days", "7305",
                     "-subj", "/O=mxwarden lab/CN=mxwarden lab root",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                     "-keyout", self.path("root.key"), "-out", self.path("root.pem"))

    def intermediate(self):
        self.request("inter", "/O=mxwarden lab/CN=mxwarden lab intermediate", P256)
        self.sign("inter", "root", CA_EXT, ["-days", "7300"])

    def request(self, name, subject, key):
        self.openssl("req", *key, "-nodes", "-subj", subject,
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))

    def sign(self, name, issuer, ext, validity):
        self.write("ext", ext)
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"),
                     "-CA", self.path(issuer + ".pem"), "-CAkey", self.path(issuer + ".key"),
                     "-CAcreateserial", "-extfile", self.path("ext"), *validity,
                     "-out", self.path(name + ".pem"))

    def leaf(self, name, host, san, key, validity):
        """A server certificate of the intermediate; NAME.chain is what a server presents."""
        self.request(name, f"/CN={host}", key)
        self.sign(name, "inter", f"subjectAltName={san}\nextendedKeyUsage=serverAuth\n", validity)
        self.bundle(name, [name + ".key", name + ".pem", "inter.pem"])

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
        text = ""
        for part in parts:
            with open(self.path(part)) as f:
                text += f.read()
        self.write(name + ".chain", text)
        os.chmod(self.path(name + ".chain"), 0o600)

    def tlsa(self, name):
        """The data of a `3 1 1` record for one certificate."""
        key = run("openssl", "x509", "-in", self.path(name + ".pem"), "-noout", "-pubkey")
        self.write("spki.pub", key)
        run("openssl", "pkey", "-pubin", "-in", self.path("spki.pub"), "-outform", "DER",
            "-out", self.path("spki.der"))
        digest = run("openssl", "dgst", "-sha256", "-r", self.path("spki.der"))
        return "3 1 1 " + digest.split()[0]
