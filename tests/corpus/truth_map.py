"""How a field of truth/*.json reads in our events (docs/corpus.md)."""
import ipaddress
import re

VERSIONS = {"SSL3.0": "SSLv3", "TLS1.0": "TLSv1", "TLS1.1": "TLS 1.1", "TLS1.2": "TLS 1.2",
            "TLS1.3": "TLS 1.3"}
BANNER_LENGTH = 300  # truth keeps no more
LISTED_DOMAINS = 50  # of rcpt_domains; rcpt_domain_count has the number of all


def endpoint(text):
    address, port = text.split(" ")
    return str(ipaddress.ip_address(address)), int(port)


def tuple_of(stream):
    """(client, port, server, port) of a stream of truth."""
    return endpoint(stream["client"]) + endpoint(stream["server"])


def tuple_of_event(event):
    return (str(ipaddress.ip_address(event["src_ip"])), event["src_port"],
            str(ipaddress.ip_address(event["dest_ip"])), event["dest_port"])


def sessions_of(events):
    """5-tuple -> its sessions, in order of first events: [{starttls: {}, tls: {}, smtp: []}]."""
    flows = {}
    for event in events:
        kind = event["event_type"]
        if kind not in ("starttls", "tls", "smtp"):
            continue
        key = (tuple_of_event(event), event["flow_id"])
        session = flows.setdefault(key, {"starttls": {}, "tls": {}, "smtp": []})
        if kind == "smtp":
            session["smtp"].append(event["smtp"])
        elif session[kind]:
            raise AssertionError(f"two {kind} events of one session: {event}")
        else:
            session[kind] = event[kind]
    sessions = {}
    for (key, _), session in flows.items():
        sessions.setdefault(key, []).append(session)
    return sessions


def names_of(subject):
    """An RFC 2253 name as a sorted list of its attributes: writers differ in their order."""
    if not subject:
        return None
    return sorted(part.strip() for part in re.split(r"(?<!\\)[,+]", subject))


def accepted(code):
    return code is not None and 200 <= code < 300


def address_domain(argument):
    match = re.search(r"@([^>\s,;]+)", argument)
    return match.group(1).lower() if match else None


def truth_ehlo(dialog):
    """The counting greeting: the last one that was accepted."""
    names = [e["name"] for e in dialog.get("ehlo", []) if accepted(e["reply_code"])]
    return names[-1] or None if names else None


def our_offer(dialog, starttls):
    """Truth has null where no EHLO was sent, and false for a garbled keyword."""
    ehlo_sent = any(e["verb"] == "EHLO" for e in dialog.get("ehlo", []))
    if not ehlo_sent and not starttls.get("esmtp"):
        return None
    return {"yes": True, "no": False, "garbled": False}.get(starttls.get("offered"))


def rcpt_domains(dialog, starttls):
    """Both lists; where truth lists only some: how many of those are ours, and how many in all."""
    listed, count = dialog.get("rcpt_domains") or [], dialog.get("rcpt_domain_count", 0)
    ours = sorted(domain.lower() for domain in starttls.get("rcpt_domains", []))
    if count <= LISTED_DOMAINS:
        return listed, ours
    return [len(listed), count], [len(set(listed) & set(ours)), len(ours)]


def senders(dialog, smtp):
    """Domains of the MAIL commands not seen to be refused, in order; the null sender is None."""
    truth = [address_domain(m["arg"]) for m in dialog.get("mail_from_clear", [])
             if m["code"] is None or accepted(m["code"])]
    return truth, [address_domain(event.get("mail_from", "")) for event in smtp]


def client_facts(stream):
    """(requested, auth) of truth, which has false also where nothing of the client was seen."""
    dialog = stream["dialog"]
    if stream["client_bytes"] == 0:
        return None, None
    return dialog.get("starttls_sent"), dialog.get("auth_clear")


def fields(stream, session):
    """(field, truth, ours) of one stream that both sides know."""
    dialog, tls = stream["dialog"], stream["tshark"]["tls"]
    starttls, hello = session["starttls"], session["tls"]
    yield "starttls event", True, bool(starttls)
    yield "banner", dialog.get("banner") or None, starttls.get("banner", "")[:BANNER_LENGTH] or None
    yield "ehlo", truth_ehlo(dialog), starttls.get("ehlo")
    yield "offered", dialog.get("starttls_offered"), our_offer(dialog, starttls)
    in_clear = any(accepted(m["code"]) for m in dialog.get("mail_from_clear", []))
    yield "mail in clear", in_clear, starttls.get("outcome") == "plaintext"
    requested, auth = client_facts(stream)
    yield "requested", requested, starttls.get("requested")
    yield "reply_code", dialog.get("starttls_reply"), starttls.get("reply_code")
    yield "rcpt_domains", *rcpt_domains(dialog, starttls)
    yield "senders", *senders(dialog, session["smtp"])
    yield "auth", auth, starttls.get("auth_in_clear")
    yield "version", VERSIONS.get(tls["version"]), hello.get("version")
    yield "sni", tls["sni"], hello.get("sni")
    leaf = tls["certs"][0] if tls["certs"] else {}
    yield "subject", names_of(leaf.get("subject")), names_of(hello.get("subject"))
    yield "issuer", names_of(leaf.get("issuer")), names_of(hello.get("issuerdn"))
    yield "names", sorted(leaf.get("san", [])), sorted(hello.get("subjectaltname", []))


def record(kind, owner, ttl, data):
    return [kind, owner.lower().rstrip("."), ttl, data]


def truth_records(dns):
    """frame -> records of MX, TXT and TLSA."""
    frames = {}
    for rr in dns.get("mx_answers", []):
        frames.setdefault(rr["frame"], []).append(
            record("MX", rr["owner"], int(rr["ttl"]), f"{rr['pref']} {rr['exchange'].lower()}"))
    for rr in dns.get("txt_answers", []):
        text = rr["txt"] if isinstance(rr["txt"], str) else "".join(rr["txt"])
        frames.setdefault(rr["frame"], []).append(record("TXT", rr["owner"], None, text))
    for rr in dns.get("tlsa_answers", []):
        data = rr["data"].replace(":", "").lower()
        frames.setdefault(rr["frame"], []).append(record(
            "TLSA", rr["owner"], None, f"{rr['usage']} {rr['selector']} {rr['mtype']} {data}"))
    return frames


def our_records(events):
    """The same of our dns events; truth has no TTL for TXT and TLSA."""
    frames = {}
    for event in events:
        if event["event_type"] != "dns":
            continue
        for rr in event["dns"].get("answers", []):
            if rr["rrtype"] in ("MX", "TXT", "TLSA"):
                ttl = rr["ttl"] if rr["rrtype"] == "MX" else None
                data = rr.get("rdata", "")
                data = data.lower() if rr["rrtype"] == "MX" else data
                frames.setdefault(event["pcap_cnt"], []).append(
                    record(rr["rrtype"], rr["rrname"], ttl, data))
    return frames


def answers(dns, events):
    """(frame, truth, ours) for every frame that has such a record on either side."""
    truth, ours = truth_records(dns), our_records(events)
    order = lambda records: sorted(records, key=str)
    for frame in sorted(truth.keys() | ours.keys()):
        yield frame, order(truth.get(frame, [])), order(ours.get(frame, []))
