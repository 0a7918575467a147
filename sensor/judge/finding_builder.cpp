#include "sensor/judge/finding_builder.hpp"

#include <algorithm>

#include "core/base/limits.hpp"
#include "sensor/tls/suites.hpp"

namespace mxw::judge {
namespace {

using evidence::Point;
using rules::Confidence;

constexpr std::size_t kLines = 24;  // evidence lines of one finding

void add_frame(Finding& f, const evidence::FrameRef& at) {
  if (at.frame == 0 || at.file != f.file) return;
  const auto place = std::lower_bound(f.frames.begin(), f.frames.end(), at.frame);
  if (place == f.frames.end() || *place != at.frame) f.frames.insert(place, at.frame);
}

void add_line(Finding& f, std::string line) {
  if (f.evidence.size() < kLines) f.evidence.push_back(std::move(line));
}

std::string where(const evidence::FrameRef& at) {
  return "frame " + std::to_string(at.frame);
}

// The clear dialogue up to now: the last lines, since they decided.
void add_dialogue(Finding& f, const evidence::SessionEvidence& s) {
  const std::size_t keep = 16;
  const std::size_t first = s.dialogue.size() > keep ? s.dialogue.size() - keep : 0;
  for (std::size_t i = first; i < s.dialogue.size(); ++i) {
    const evidence::DialogueLine& line = s.dialogue[i];
    const char* const who = line.from == evidence::Dir::client ? "C " : "S ";
    add_line(f, who + where(line.at) + ": " + line.text);
    add_frame(f, line.at);
  }
}

void add_policy(Finding& f, const DomainView& d, const rules::Rule& rule) {
  if (!rule.reads_policy() || d.domain.empty()) return;
  const policy::CachedPolicy* const p = d.judgement.policy;
  if (p == nullptr) return;
  std::string line = "policy of " + d.domain + (p->id.empty() ? "" : " id " + p->id) + ": mode " +
                     std::string(policy::mode_name(p->policy.mode)) + ", max_age " +
                     std::to_string(p->policy.max_age);
  for (std::size_t i = 0; i < p->policy.mx.size() && i < 8; ++i) line += ", mx: " + p->policy.mx[i];
  add_line(f, std::move(line));
  if (!d.mx_host.empty()) add_line(f, "MX host dialled: " + d.mx_host);
}

void add_tls(Finding& f, const SessionView& view) {
  const evidence::TlsEvidence& t = view.session.tls;
  for (const evidence::FrameRef& at : {t.client_hello_at, t.server_hello_at, t.certificate_at})
    add_frame(f, at);
  if (t.server_hello)
    add_line(f, "ServerHello: " + tls::version_name(t.version) + " " + tls::suite_name(t.cipher));
  else if (t.client_hello)
    add_line(f, "ClientHello without a ServerHello");
  for (const evidence::TlsAlert& a : t.alerts) {
    add_frame(f, a.at);
    add_line(f, std::string("alert of the ") +
                    (a.from == evidence::Dir::client ? "client" : "server") + ": " +
                    tls::alert_name(a.description));
  }
  if (view.chain == nullptr || view.chain->certificates.empty()) return;
  const x509::Summary& leaf = view.chain->certificates.front();
  add_line(f, "certificate: subject " + leaf.subject + "; issuer " + leaf.issuer + "; valid " +
                  format_rfc3339(leaf.not_before) + " to " + format_rfc3339(leaf.not_after));
  std::string names;
  for (std::size_t i = 0; i < leaf.dns_names.size() && i < 8; ++i) names += ' ' + leaf.dns_names[i];
  add_line(f, "certificate: names" + (names.empty() ? " none" : names) + "; sha256 " +
                  hex(leaf.sha256) + "; chain " +
                  std::string(x509::verify_name(view.chain->verify(t.certificate_at.time))));
}

void add_reset(Finding& f, const evidence::SessionEvidence& s) {
  if (!s.tcp.rst) return;
  add_frame(f, s.tcp.rst_at);
  std::string line = std::string("reset from the ") +
                     (s.tcp.rst_from == evidence::Dir::client ? "client" : "server") + " in " +
                     where(s.tcp.rst_at) + ", TTL differs by " +
                     std::to_string(s.tcp.rst_ttl_delta);
  if (s.tcp.rst_then_data) {
    line += ", data of the same side in " + where(s.tcp.data_after_rst_at);
    add_frame(f, s.tcp.data_after_rst_at);
  }
  add_line(f, std::move(line));
}

void add_baseline(Finding& f, const rules::Rule& rule, const BaselineRow* row, bool client) {
  const auto first = client ? rules::Field::base_client_sessions : rules::Field::base_mx_sessions;
  const auto last =
      client ? rules::Field::base_client_esmtp_rate : rules::Field::base_mx_trusted_rate;
  const bool read = std::any_of(rule.reads.begin(), rule.reads.end(),
                                [=](rules::Field x) { return x >= first && x <= last; });
  if (!read || row == nullptr) return;
  add_line(f, std::string("baseline of this ") + (client ? "client" : "server") + ": " +
                  std::to_string(row->sessions) + " sessions since " + format_rfc3339(row->first) +
                  ", STARTTLS offered " + std::to_string(row->starttls_offered) + " of " +
                  std::to_string(row->complete_replies) + ", TLS used " + std::to_string(row->tls) +
                  " of " + std::to_string(row->tls_eligible));
}

void add_retry(Finding& f, const FailedTls* retry) {
  if (retry == nullptr) return;
  add_line(f, "earlier session flow_id " + std::to_string(retry->session) + ": TLS failed (" +
                  std::string(name(retry->how)) + "), ended in " + where(retry->at) + " at " +
                  format_rfc3339(retry->at.time));
  add_frame(f, retry->at);
}

std::string address_filter(const Endpoint& a, const Endpoint& b) {
  const std::string ip = a.address.v4() ? "ip.addr == " : "ipv6.addr == ";
  return ip + a.address.text() + " && " + ip + b.address.text();
}

std::string tcp_filter(const evidence::SessionEvidence& s) {
  return address_filter(s.client, s.server) + " && tcp.port == " + std::to_string(s.client.port) +
         " && tcp.port == " + std::to_string(s.server.port);
}

void take_over(Finding& f, const rules::Rule& rule, const rules::Evaluation& e) {
  f.rule = &rule;
  f.severity = e.severity;
  f.confidence = e.confidence;
  f.reason = std::string(e.reason);
}

// Each cause of doubt lowers the confidence by one step (semantics 2).
void doubt(Finding& f, bool doubtful, const char* note) {
  if (!doubtful) return;
  f.confidence = rules::step_down(f.confidence);
  f.notes.emplace_back(note);
}

}  // namespace

Finding build_finding(const rules::Rule& rule, const rules::Evaluation& evaluation,
                      const SessionView& view, std::vector<std::string> domains) {
  const evidence::SessionEvidence& s = view.session;
  Finding f;
  take_over(f, rule, evaluation);
  f.session = &s;
  f.role = view.role;
  f.at = view.now;
  f.file = view.now.file;
  f.point = view.point;
  f.policy_domains = std::move(domains);
  f.basis = view.domain.basis;
  f.mx_host = view.domain.mx_host;
  if (rule.reads_policy()) {
    f.policy = view.domain.judgement.policy;
    f.judgement = view.domain.judgement;
  }
  // Only our own sessions make a report (semantics 8).
  if (view.role == rules::Role::outbound) f.result_type = std::string(evaluation.tlsrpt_result);
  doubt(f, view.role == rules::Role::unknown, "role unknown: no --own was given");
  doubt(f, rule.reads_policy() && f.judgement.fetched_later,
        "policy fetched later than the packet");
  doubt(f,
        rule.reads_policy() && f.judgement.protection == policy::Protection::dane &&
            view.domain.resolver_open,
        "DNSSEC status believed without --resolver");
  if (rule.reads_policy() && f.judgement.undated && f.policy != nullptr)
    f.notes.emplace_back("policy undated: whether it was in force then is not known");
  if (view.domain.ambiguous) f.notes.emplace_back("the address serves several domains");
  add_frame(f, view.now);
  add_dialogue(f, s);
  if (s.starttls.sent || s.implicit_tls) add_tls(f, view);
  add_reset(f, s);
  add_policy(f, view.domain, rule);
  add_baseline(f, rule, view.mx, false);
  add_baseline(f, rule, view.client, true);
  add_retry(f, view.retry);
  f.filter = tcp_filter(s);
  return f;
}

Finding build_answer_finding(const rules::Rule& rule, const rules::Evaluation& evaluation,
                             const AnswerView& view, rules::Role role, const Redactor& redactor) {
  const dnswire::DnsAnswer& a = view.answer;
  Finding f;
  take_over(f, rule, evaluation);
  f.answer = &a;
  f.at = a.at;
  f.file = a.at.file;
  f.policy_domains.push_back(redactor.text(view.domain.domain));
  f.basis = DomainBasis::mx_map;
  f.policy = view.domain.judgement.policy;
  f.judgement = view.domain.judgement;
  if (role == rules::Role::outbound) f.result_type = std::string(evaluation.tlsrpt_result);
  f.role = role;
  doubt(f, role == rules::Role::unknown, "role unknown: no --own was given");
  doubt(f, f.judgement.fetched_later, "policy fetched later than the packet");
  for (const evidence::FrameRef& at : {a.query_at, a.earlier_at, a.at}) add_frame(f, at);
  const dns::Question& q = a.message.questions.front();
  add_line(f, where(a.at) + ": answer for " + redactor.text(q.name) + " " + dns::type_name(q.type) +
                  ": " + dns::rcode_name(a.message.rcode));
  for (const dns::Record& r : a.message.answers)
    add_line(f, redactor.text(r.name) + " " + std::to_string(r.ttl) + " " + dns::type_name(r.type) +
                    " " + redactor.text(dns::rdata_text(r)));
  if (a.conflicts)
    add_line(f, "earlier answer in " + where(a.earlier_at) + ": " + redactor.text(a.earlier_text));
  add_policy(f, view.domain, rule);
  f.filter = address_filter(a.client, a.resolver) +
             (a.tcp ? " && tcp.port == " : " && udp.port == ") + std::to_string(a.client.port) +
             " && dns.id == " + std::to_string(a.message.id);
  return f;
}

}  // namespace mxw::judge
