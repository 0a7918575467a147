#include "sensor/sink/eve.hpp"

#include "core/base/ascii.hpp"
#include "sensor/sink/community_id.hpp"
#include "sensor/sink/printable.hpp"
#include "sensor/tls/suites.hpp"

namespace mxw::sink {
namespace {

using evidence::Change;
using evidence::SessionEvidence;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

template <typename Strings>
void strings(JsonWriter& json, std::string_view name, const Strings& list) {
  if (list.empty()) return;
  json.key(name).begin_array();
  for (const auto& text : list) json.string(text);
  json.end_array();
}

void text(JsonWriter& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json.member(name, value);
}

// Metadata values are arrays of strings: the one open place of EVE's alert.
void meta(JsonWriter& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json.key(name).begin_array().string(value).end_array();
}

int eve_severity(rules::Severity severity) {
  switch (severity) {
    case rules::Severity::critical:
    case rules::Severity::high:
      return 1;
    case rules::Severity::medium:
      return 2;
    default:
      return 3;
  }
}

std::string hex_flags(unsigned flags) {
  const auto octet = static_cast<char>(flags);
  return ascii::hex({&octet, 1});
}

// `2026-01-01T00:00:00` as Suricata writes certificate dates.
std::string certificate_date(Time t) {
  return format_eve(t).substr(0, 19);
}

void certificate(JsonWriter& json, const x509::Chain* chain) {
  if (chain == nullptr || chain->certificates.empty()) return;
  const x509::Summary& leaf = chain->certificates.front();
  text(json, "subject", leaf.subject);
  text(json, "issuerdn", leaf.issuer);
  text(json, "serial", leaf.serial);
  text(json, "fingerprint", leaf.sha1);
  json.member("notbefore", certificate_date(leaf.not_before));
  json.member("notafter", certificate_date(leaf.not_after));
  strings(json, "subjectaltname", leaf.dns_names);
}

void fingerprint(JsonWriter& json, const char* name, const std::string& hash,
                 const std::string& text) {
  if (hash.empty()) return;
  json.key(name).begin_object().member("hash", hash).member("string", text).end_object();
}

}  // namespace

EveSink::Flow EveSink::flow_of(const SessionEvidence& s) {
  return {s.id, s.vlan, s.client, s.server, true};
}

const EveSink::FlowText& EveSink::text_of(const Flow& flow) {
  FlowText& text = texts_[flow.id % kFlowTexts];
  if (text.id != flow.id || text.src.empty())
    text = {flow.id, flow.src.address.text(), flow.dst.address.text(),
            community_id(flow.src, flow.dst, flow.tcp ? kTcp : kUdp)};
  return text;
}

void EveSink::begin(JsonWriter& json, const char* type, const Flow& flow,
                    const evidence::FrameRef& at, const char* app_proto) {
  json.begin_object().member("timestamp", format_eve(at.time)).member("flow_id", flow.id);
  json.member("event_type", type);
  text(json, "host", options_.sensor_name);
  if (flow.vlan != 0)
    json.key("vlan").begin_array().number(static_cast<unsigned>(flow.vlan)).end_array();
  const FlowText& shared = text_of(flow);
  json.member("src_ip", shared.src).member("src_port", flow.src.port);
  json.member("dest_ip", shared.dst).member("dest_port", flow.dst.port);
  json.member("proto", flow.tcp ? "TCP" : "UDP").member("ip_v", flow.src.address.v4() ? 4 : 6);
  json.member("pkt_src", "wire/pcap");
  json.member("community_id", shared.community_id);
  json.member("app_proto", app_proto);
  json.member("pcap_cnt", at.frame);
  if (at.file < options_.file_names.size())
    json.member("pcap_filename", options_.file_names[at.file]);
}

void EveSink::end(JsonWriter& json) {
  json.end_object();
  line_ += '\n';
  output_.write(line_);
}

void EveSink::on_session(const SessionEvidence& s, const evidence::EvidenceUpdate& update,
                         const judge::SessionContext& context, const x509::Chain* chain) {
  switch (update.change) {
    case Change::settled:
      return starttls(s, update, context);
    case Change::transaction:
      return smtp(s, update);
    case Change::hello:
      return tls(s, update, chain);
    case Change::removed:
      return flow({.flow = flow_of(s),
                   .tcp = s.tcp,
                   .start = s.start,
                   .last = s.last,
                   .ended = s.ended,
                   .app_proto = s.implicit_tls ? "tls" : "smtp",
                   .alerted = context.alerted},
                  update.at);
    default:
      return;
  }
}

void EveSink::starttls(const SessionEvidence& s, const evidence::EvidenceUpdate& update,
                       const judge::SessionContext& context) {
  line_.clear();
  JsonWriter json(line_);
  begin(json, "starttls", flow_of(s), update.at, s.implicit_tls ? "tls" : "smtp");
  json.key("starttls").begin_object();
  const evidence::Greeting* const g = s.greeting();
  text(json, "banner", s.banner);
  if (g != nullptr) {
    text(json, "ehlo", g->name);
    json.member("esmtp", g->esmtp);
    strings(json, "capabilities", g->keywords);
  }
  // Where the client's words were lost and no greeting was found after it, only what was seen can
  // be said.
  const bool lost = (s.quality.midstream || s.smtp_lost) && g == nullptr;
  const bool seen = s.client_spoke && (!lost || s.starttls.sent);
  const bool auth_seen = s.client_spoke && (!lost || s.auth_in_clear);
  if (!s.implicit_tls) {
    json.member("offered", evidence::name(s.offered()));
    if (seen) json.member("requested", s.starttls.sent);
  }
  if (s.starttls.reply_code != 0) json.member("reply_code", s.starttls.reply_code);
  json.member("outcome", evidence::name(s.outcome()));
  text(json, "mail_from_domain", s.mail_from_domain());
  strings(json, "rcpt_domains", s.rcpt_domains);
  if (s.rcpt_domains_dropped > 0) json.member("rcpt_domains_dropped", s.rcpt_domains_dropped);
  json.member("transactions", s.transaction_count);
  if (auth_seen && !s.implicit_tls) json.member("auth_in_clear", s.auth_in_clear);
  json.member("role", rules::name(context.role));
  text(json, "mx_host", context.mx_host);
  strings(json, "policy_domains", context.policy_domains);
  json.member("domain_basis", judge::name(context.basis));
  if (s.tls.client_hello) json.member("client_random", hex(s.tls.client_random));
  if (s.tls.server_hello) json.member("server_random", hex(s.tls.server_random));
  if (s.tcp.rtt_ns) json.member("rtt", *s.tcp.rtt_ns / kMicrosecond);
  json.key("capture").begin_object().member("gaps", s.tcp.gaps);
  json.member("midstream", s.quality.midstream).member("one_sided", s.quality.one_sided);
  json.member("cut", s.quality.cut).end_object();
  json.end_object();
  end(json);
}

void EveSink::smtp(const SessionEvidence& s, const evidence::EvidenceUpdate& update) {
  if (update.index >= s.transactions.size()) return;
  const evidence::Transaction& t = s.transactions[update.index];
  line_.clear();
  JsonWriter json(line_);
  begin(json, "smtp", flow_of(s), update.at, "smtp");
  json.member("tx_id", update.index);
  json.key("smtp").begin_object();
  if (s.greeting() != nullptr) text(json, "helo", s.greeting()->name);
  text(json, "mail_from", t.mail_from);
  strings(json, "rcpt_to", t.rcpt_to);
  json.end_object();
  end(json);
}

void EveSink::tls(const SessionEvidence& s, const evidence::EvidenceUpdate& update,
                  const x509::Chain* chain) {
  const evidence::TlsEvidence& t = s.tls;
  line_.clear();
  JsonWriter json(line_);
  begin(json, "tls", flow_of(s), update.at, "tls");
  if (!s.implicit_tls) json.member("app_proto_orig", "smtp");
  json.key("tls").begin_object();
  certificate(json, chain);
  text(json, "sni", t.sni);
  if (t.server_hello) json.member("version", tls::version_name(t.version));
  if (t.server_hello) json.member("session_resumed", t.resumed);
  if (!s.implicit_tls) json.member("from_proto", "smtp");
  strings(json, "client_alpns", t.client_alpns);
  if (!t.server_alpn.empty())
    json.key("server_alpns").begin_array().string(t.server_alpn).end_array();
  fingerprint(json, "ja3", t.ja3, t.ja3_string);
  fingerprint(json, "ja3s", t.ja3s, t.ja3s_string);
  text(json, "ja4", t.ja4);
  json.end_object();
  end(json);
}

void EveSink::flow(const FlowFacts& s, const evidence::FrameRef& at) {
  line_.clear();
  JsonWriter json(line_);
  begin(json, "flow", s.flow, at, s.app_proto);
  const bool closed = s.ended == evidence::Ended::fin || s.ended == evidence::Ended::rst;
  const char* const state = closed ? "closed" : s.tcp.handshake ? "established" : "new";
  json.key("flow").begin_object();
  json.member("pkts_toserver", s.tcp.packets[0]).member("pkts_toclient", s.tcp.packets[1]);
  json.member("bytes_toserver", s.tcp.bytes[0]).member("bytes_toclient", s.tcp.bytes[1]);
  json.member("start", format_eve(s.start.time)).member("end", format_eve(s.last.time));
  json.member("age", (s.last.time - s.start.time) / kSecond).member("state", state);
  json.member("reason", closed ? "shutdown" : "timeout").member("alerted", s.alerted);
  json.end_object();
  const unsigned ts = s.tcp.flags[0];
  const unsigned tc = s.tcp.flags[1];
  const unsigned all = ts | tc;
  json.key("tcp").begin_object();
  json.member("tcp_flags", hex_flags(all)).member("tcp_flags_ts", hex_flags(ts));
  json.member("tcp_flags_tc", hex_flags(tc));
  json.member("syn", (all & 0x02) != 0).member("fin", (all & 0x01) != 0);
  json.member("rst", (all & 0x04) != 0).member("psh", (all & 0x08) != 0);
  json.member("ack", (all & 0x10) != 0).member("state", state);
  json.member("ts_gap", s.tcp.gap[0]).member("tc_gap", s.tcp.gap[1]);
  json.end_object();
  end(json);
}

void EveSink::on_connection(const dnswire::DnsConnection& c, const evidence::FrameRef& at) {
  const flow::Connection& conn = c.connection;
  flow({.flow = {c.flow_id, conn.vlan, conn.client, conn.server, true},
        .tcp = conn.tcp,
        .start = conn.start,
        .last = conn.last,
        .ended = c.ended,
        .app_proto = "dns",
        .alerted = false},
       at);
}

void EveSink::on_finding(const judge::Finding& f) {
  const rules::Rule& rule = *f.rule;
  line_.clear();
  JsonWriter json(line_);
  const Flow flow = f.session != nullptr ? flow_of(*f.session)
                                         : Flow{f.answer->flow_id, 0, f.answer->client,
                                                f.answer->resolver, f.answer->tcp};
  begin(json, "alert", flow, f.at, f.session != nullptr ? "smtp" : "dns");
  json.key("alert").begin_object();
  json.member("action", "allowed").member("gid", 8461);
  json.member("signature_id", 8'461'000 + rule.number).member("rev", rule.rev);
  json.member("signature", rule.title).member("category", rule.category);
  json.member("severity", eve_severity(f.severity));
  json.key("metadata").begin_object();
  meta(json, "rule", rule.id);
  meta(json, "severity", rules::name(f.severity));
  meta(json, "confidence", rules::name(f.confidence));
  meta(json, "reason", f.reason);
  strings(json, "policy_domain", f.policy_domains);
  meta(json, "domain_basis", judge::name(f.basis));
  if (f.policy != nullptr) {
    meta(json, "policy_id", f.policy->id);
    meta(json, "policy_mode", policy::mode_name(f.policy->policy.mode));
    meta(json, "policy_sha256", f.policy->sha256);
  }
  if (rule.reads_policy())
    meta(json, "protection", policy::protection_name(f.judgement.protection));
  meta(json, "mx_host", f.mx_host);
  meta(json, "result_type", f.result_type);
  meta(json, "direction", rules::name(f.role));
  json.key("frames").begin_array();
  for (const std::uint64_t frame : f.frames) json.string(std::to_string(frame));
  json.end_array();
  strings(json, "evidence", f.evidence);
  meta(json, "filter", f.filter);
  strings(json, "not_excluded", rule.doc.not_excluded);
  strings(json, "note", f.notes);
  strings(json, "reference", rule.doc.refs);
  meta(json, "rule_sha256", rule.sha256);
  json.end_object();
  json.end_object();
  end(json);
}

void EveSink::on_answer(const dnswire::DnsAnswer& a) {
  const dns::Question& q = a.message.questions.front();
  const std::string type = dns::type_name(q.type);
  if (type != "MX" && type != "TXT" && type != "TLSA") return;
  line_.clear();
  JsonWriter json(line_);
  begin(json, "dns", {a.flow_id, 0, a.client, a.resolver, a.tcp}, a.at, "dns");
  json.key("dns").begin_object().member("version", 2).member("type", "answer");
  json.member("id", a.message.id).member("qr", true);
  json.member("aa", a.message.aa).member("tc", a.message.tc).member("rd", a.message.rd);
  json.member("ra", a.message.ra);
  json.member("rrname", redactor_.text(q.name)).member("rrtype", type);
  json.member("rcode", dns::rcode_name(a.message.rcode));
  if (!a.message.answers.empty()) {
    json.key("answers").begin_array();
    for (const dns::Record& r : a.message.answers) {
      json.begin_object()
          .member("rrname", redactor_.text(r.name))
          .member("rrtype", dns::type_name(r.type));
      json.member("ttl", r.ttl);
      text(json, "rdata", redactor_.text(dns::rdata_text(r)));
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  end(json);
}

void EveSink::on_near_miss(const SessionEvidence*, const rules::Rule& rule, const std::string& why,
                           const evidence::FrameRef& at) {
  std::fprintf(stderr, "%s frame %llu: %s\n", rule.id.c_str(),
               static_cast<unsigned long long>(at.frame), printable(why).c_str());
}

}  // namespace mxw::sink
