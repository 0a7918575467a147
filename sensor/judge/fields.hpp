// SessionFields and AnswerFields: evidence as the fields rules read (core/rules/fields.def). Asked
// lazily: most rules stop at their first clause. Unknown is what was not on the wire, never
// `false`.
#pragma once

#include <string>
#include <vector>

#include "core/evidence/session.hpp"
#include "core/policy/decide.hpp"
#include "core/rules/value.hpp"
#include "core/rules/words.hpp"
#include "core/x509/certificate.hpp"
#include "sensor/judge/baseline.hpp"
#include "sensor/judge/domain_map.hpp"
#include "sensor/judge/retry.hpp"

namespace mxw::judge {

enum class DaneState : std::uint8_t { none_seen, secure, insecure, unusable };

// One policy domain of a session, with all that is known of it at a moment.
struct DomainView {
  std::string domain;  // empty: not known
  std::string mx_host;
  DomainBasis basis = DomainBasis::none;
  policy::Judgement judgement;
  DaneState dane = DaneState::none_seen;
  std::optional<bool> dane_match;
  bool ambiguous = false;      // one of several candidates
  bool resolver_open = false;  // DANE believed without --resolver
};

struct SessionView {
  const evidence::SessionEvidence& session;
  evidence::Point point;
  rules::Role role;
  const DomainView& domain;
  const x509::Chain* chain = nullptr;  // certificate in clear, read
  const BaselineRow* mx = nullptr;     // server
  bool mx_of_path = false;             // and its row is of this client's sessions alone
  const BaselineRow* client = nullptr;
  const FailedTls* retry = nullptr;
  bool retry_same_mx = false;
  evidence::FrameRef now;
};

class SessionFields final : public rules::FieldSource {
 public:
  // `view` outlives the fields.
  explicit SessionFields(const SessionView& view) : v_(view) {}
  [[nodiscard]] const SessionView& view() const { return v_; }
  [[nodiscard]] rules::Value get(rules::Field field) const override;

 private:
  [[nodiscard]] rules::Value capture(rules::Field field) const;
  [[nodiscard]] rules::Value session(rules::Field field) const;
  [[nodiscard]] rules::Value greeting(rules::Field field) const;
  [[nodiscard]] rules::Value starttls(rules::Field field) const;
  [[nodiscard]] rules::Value tls(rules::Field field) const;
  [[nodiscard]] rules::Value certificate(rules::Field field) const;
  [[nodiscard]] rules::Value tcp(rules::Field field) const;
  [[nodiscard]] rules::Value mail_and_retry(rules::Field field) const;
  [[nodiscard]] rules::Value policy(rules::Field field) const;
  [[nodiscard]] rules::Value baseline(rules::Field field) const;

  [[nodiscard]] const std::string& spki() const;

  const SessionView& v_;
  // Text that get() hands out by reference; made when first asked for, which is seldom.
  mutable std::string client_ip_, client_net_, mx_ip_, mx_net_, spki_;
};

struct AnswerView {
  const dnswire::DnsAnswer& answer;
  const DomainView& domain;
  bool believed = false;
};

class AnswerFields final : public rules::FieldSource {
 public:
  explicit AnswerFields(const AnswerView& view) : v_(view) {}
  [[nodiscard]] rules::Value get(rules::Field field) const override;

 private:
  const AnswerView& v_;
};

// /24 or /48 of an address.
[[nodiscard]] std::string network_of(const IpAddress& address);

}  // namespace mxw::judge
