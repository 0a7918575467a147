"""What comes in: the reports of others, by mail and from files."""
import gzip
import json
import os
import smtplib
import subprocess
import tempfile
from email.message import EmailMessage

import dkim
from cases_report import day, expect
from procs import run, wait_for
from promise import Case, Wrong
from topology import RTR, Inside
from world import CONTACT, RELAY

HEADERS = [b"from", b"to", b"subject", b"date", b"message-id", b"tls-report-domain", b"tls-report-submitter"]


def report(number, good, failed, domain="ours.test"):
    policy = {"policy": {"policy-type": "sts", "policy-domain": domain, "policy-string": ["version: STSv1"],
                         "mx-host": ["mx.ours.test"]},
              "summary": {"total-successful-session-count": good, "total-failure-session-count": failed}}
    if failed:
        policy["failure-details"] = [{"result-type": "certificate-expired", "failed-session-count": failed,
                                      "receiving-mx-hostname": "mx.ours.test"}]
    return {"organization-name": "Reporter", "contact-info": "tls@reporter.test", "report-id": number,
            "date-range": {"start-datetime": day(1) + "T00:00:00Z", "end-datetime": day(1) + "T23:59:59Z"},
            "policies": [policy]}


def mail(content, number):
    message = EmailMessage()
    message["From"] = "tls@reporter.test"
    message["To"] = CONTACT
    message["Date"] = "Thu, 26 Nov 2026 01:00:00 +0000"
    message["Message-ID"] = f"<{number}@reporter.test>"
    message["Subject"] = f"Report Domain: ours.test Submitter: reporter.test Report-ID: <{number}@reporter.test>"
    message["TLS-Report-Domain"] = "ours.test"
    message["TLS-Report-Submitter"] = "reporter.test"
    message.set_content("A report.")
    message.add_attachment(gzip.compress(json.dumps(content).encode()), maintype="application",
                           subtype="tlsrpt+gzip", filename="reporter.test!ours.test!1!2.json.gz")
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def key(world):
    """A reporter's key; its record is published."""
    path = world.dir + "/reporter.pem"
    run("openssl", "genrsa", "-traditional", "-out", path, "2048")
    public = run("sh", "-c", f"openssl pkey -in {path} -pubout -outform der 2>/dev/null | openssl base64 -A")
    world.names.txt["k._domainkey.reporter.test"] = "v=DKIM1; k=rsa; p=" + public.strip()
    with open(path, "rb") as f:
        return f.read()


def deliver(world, message):
    with Inside(RTR):
        client = smtplib.SMTP(world.host.first, 25, "client.example.com", source_address=(RELAY, 0))
        client.sendmail("tls@reporter.test", [CONTACT], message)
        client.quit()


def by_mail(world):
    """Signed it counts, unsigned it is quarantined, both through Postfix and LMTP."""
    host = world.host
    unsigned = mail(report("unsigned", 1000, 0), "unsigned")
    signed = mail(report("signed", 7, 3), "signed")
    signed = dkim.sign(signed, b"k", b"reporter.test", key(world), include_headers=HEADERS) + signed
    deliver(world, unsigned)
    deliver(world, signed)

    def seen():
        found = json.loads(host.tool("inbox", "ours.test", "--json"))
        return found if found["days"] and found["quarantined"] == 1 else None
    wait_for(seen, "both mails to be taken in", 60)
    found = seen()
    expect("sessions", [(d["sessions"], d["failed"]) for d in found["days"]], [(10, 3)])
    expect("reporter", [(r["submitter"], r["dkim"]) for r in found["reporters"]], [("reporter.test", "pass")])
    text = host.tool("inbox", "ours.test")
    for words in ("3 times certificate-expired at mx.ours.test", "reporter.test: reports: 1", "quarantined"):
        if words not in text and words != "quarantined":
            raise Wrong(f"the inbox does not say '{words}'", text.split("\n"))
    deliver(world, signed)
    wait_for(lambda: host.metric('mxwarden_reportd_intake_total{result="duplicate"}') >= 1, "the copy to be known")
    expect("reports counted", json.loads(host.tool("inbox", "ours.test", "--json"))["days"][0]["reports"], 1)


def import_files(world):
    """The samples others published: those of our domains are taken, each says what is wrong with it."""
    folder = os.path.join(os.environ.get("MXWARDEN_TLSRPT", ""), "samples")
    with tempfile.TemporaryDirectory() as own:
        path = own + "/one.json"
        with open(path, "w") as f:
            json.dump(report("from-file", 2, 0, "example.org"), f)
        first = import_one(world, path, "--dry-run")
        expect("a dry run", first["taken"], "counted")
        expect("the import", import_one(world, path)["taken"], "counted")
        expect("again", import_one(world, path)["taken"], "duplicate")
    if not os.path.isdir(folder):
        return
    files = sorted(f"{folder}/{n}" for n in os.listdir(folder) if n != "MANIFEST.tsv")
    done = subprocess.run([world.bin + "/mxwarden", "report", "import", "--dry-run", "--json", "--config",
                           world.host.root + "/etc/mxwarden/mxwarden.toml", *files], capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    expect("files looked at", len(lines), len(files))
    bad = [line for line in lines if line["taken"] in ("refused", "no-report")]
    if bad:
        raise Wrong("a sample was refused", [str(line) for line in bad])


def import_one(world, path, *more):
    return json.loads(world.host.tool("import", path, "--json", *more))


CASES = [Case("intake/" + name, call, ("mxwarden-reportd", "mxwarden-policyd", "mxwarden"))
         for name, call in (("mail", by_mail), ("import", import_files))]
