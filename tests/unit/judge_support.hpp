// A judge fed with evidence made by hand, and the findings it gave.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sensor/judge/judge.hpp"

namespace mxw::judge::test {

struct Said {
  std::string rule, domains, severity, confidence, reason;
  [[nodiscard]] std::string text() const {
    return rule + ' ' + severity + ' ' + confidence + (domains.empty() ? "" : ' ' + domains);
  }
};

class Recorder final : public Sink {
 public:
  void on_session(const evidence::SessionEvidence&, const evidence::EvidenceUpdate&,
                  const SessionContext&, const x509::Chain*) override {}
  void on_answer(const dnswire::DnsAnswer&) override {}
  void on_connection(const dnswire::DnsConnection&, const evidence::FrameRef&) override {}
  void on_near_miss(const evidence::SessionEvidence*, const rules::Rule&, const std::string& why,
                    const evidence::FrameRef&) override {
    near_misses.push_back(why);
  }
  void on_finding(const Finding& f) override {
    std::string domains;
    for (const std::string& d : f.policy_domains) domains += (domains.empty() ? "" : ",") + d;
    said.push_back({f.rule->id, domains, std::string(rules::name(f.severity)),
                    std::string(rules::name(f.confidence)), f.reason});
  }
  // The findings of one rule, in order.
  [[nodiscard]] std::vector<std::string> of(const std::string& rule) const {
    std::vector<std::string> out;
    for (const Said& s : said)
      if (s.rule == rule) out.push_back(s.text());
    return out;
  }
  std::vector<Said> said;
  std::vector<std::string> near_misses;
};

inline const Time kNow = *parse_rfc3339("2026-11-21T08:00:00Z");
inline const IpAddress kClient = *IpAddress::parse("192.0.2.10");
inline const IpAddress kServer = *IpAddress::parse("198.51.100.25");

inline policy::CachedPolicy cached(const std::string& domain, policy::Mode mode) {
  policy::CachedPolicy p;
  p.domain = domain;
  p.policy.mode = mode;
  p.policy.max_age = 86'400;
  p.policy.mx = {"mx." + domain};
  p.fetched_at = kNow - kHour;
  p.valid_until = kNow + kDay;
  return p;
}

class Bench {
 public:
  explicit Bench(Config config = {}) {
    auto loaded = rules::load(MXW_SOURCE_DIR "/rules", std::nullopt);
    if (!loaded) ADD_FAILURE() << loaded.error().message;
    config.rules = std::move(*loaded);
    if (config.own.empty() && !role_unknown) config.own = {*Cidr::parse("192.0.2.0/24")};
    judge = std::make_unique<Judge>(std::move(config), trust, redactor, baseline, recorder);
  }
  static inline bool role_unknown = false;

  void tell(const evidence::SessionEvidence& s, evidence::Change change, std::uint32_t index = 0) {
    judge->on_update(s, {change, index, s.start});
  }
  x509::TrustStore trust = x509::TrustStore::empty();
  Redactor redactor;
  RunBaseline baseline{HashKey{1, 2}};
  Recorder recorder;
  std::unique_ptr<Judge> judge;
};

// A session that got a complete EHLO reply without STARTTLS.
inline evidence::SessionEvidence stripped(std::uint64_t id, Time at = kNow) {
  evidence::SessionEvidence s;
  s.id = id;
  s.client = {kClient, 40'000};
  s.server = {kServer, 25};
  s.start = s.last = {1, 0, at, 1};
  s.client_spoke = s.server_spoke = s.data_seen = true;
  s.tcp.syn = s.tcp.synack = s.tcp.handshake = true;
  s.tcp.packets = {5, 5};
  evidence::Greeting g;
  g.esmtp = g.complete = true;
  g.code = 250;
  g.name = "client.example.com";
  g.starttls = evidence::Offered::no;
  s.greetings.push_back(g);
  s.counting = 0;
  s.ehlo_code = 250;
  s.banner_code = 220;
  s.point(evidence::Point::greeting).reached = true;
  return s;
}

// MAIL and one RCPT of each domain accepted in clear.
inline void accept_mail(evidence::SessionEvidence& s, const std::vector<std::string>& domains) {
  evidence::Transaction t;
  t.mail_code = 250;
  for (const std::string& d : domains) t.recipients.push_back({d, 250, s.start});
  s.transactions.push_back(t);
  s.transaction_count = 1;
  s.mail_accepted_in_clear = true;
  s.point(evidence::Point::mail).reached = true;
}

}  // namespace mxw::judge::test
