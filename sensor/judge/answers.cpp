// DNS answers: the domain map learns from them, and rules of scope dns judge them.
#include "sensor/judge/finding_builder.hpp"
#include "sensor/judge/judge.hpp"

namespace mxw::judge {
namespace {

using rules::Field;
using rules::Value;

std::string_view type_word(std::uint16_t type) {
  switch (static_cast<dns::Type>(type)) {
    case dns::Type::a:
      return "a";
    case dns::Type::aaaa:
      return "aaaa";
    case dns::Type::mx:
      return "mx";
    case dns::Type::txt:
      return "txt";
    case dns::Type::tlsa:
      return "tlsa";
    case dns::Type::ns:
      return "ns";
    case dns::Type::cname:
      return "cname";
    default:
      return "other";
  }
}

// Which MX hosts of the answer match the policy. An answer without MX means the domain itself (RFC
// 5321 section 5.1); a null MX names no host.
Value mx_in_policy(const dnswire::DnsAnswer& answer, const DomainView& domain) {
  const dns::Message& m = answer.message;
  const bool asked_mx = m.questions.front().type == static_cast<std::uint16_t>(dns::Type::mx);
  const policy::CachedPolicy* const cached = domain.judgement.policy;
  const policy::Judgement& j = domain.judgement;
  const bool holds = j.state == policy::State::enforce_valid || j.state == policy::State::testing ||
                     j.protection == policy::Protection::pin;
  if (!asked_mx || m.rcode != 0 || !holds || cached == nullptr || cached->policy.mx.empty())
    return Value::unknown();
  std::size_t matching = 0;
  std::size_t total = 0;
  for (const dns::Record& r : m.answers) {
    const auto* mx = std::get_if<dns::Mx>(&r.data);
    if (mx == nullptr || mx->exchange == ".") continue;
    ++total;
    if (policy::mx_matches(cached->policy.mx, mx->exchange)) ++matching;
  }
  if (total == 0) return Value::unknown();
  return Value::text(matching == total ? "all" : matching == 0 ? "none" : "some");
}

Value smallest_ttl(const dns::Message& m) {
  if (m.answers.empty()) return Value::unknown();
  std::uint32_t ttl = UINT32_MAX;
  for (const dns::Record& r : m.answers) ttl = std::min(ttl, r.ttl);
  return Value::uint(ttl);
}

bool null_mx(const dns::Message& m) {
  for (const dns::Record& r : m.answers)
    if (const auto* mx = std::get_if<dns::Mx>(&r.data); mx != nullptr && mx->exchange == ".")
      return true;
  return false;
}

}  // namespace

Value AnswerFields::get(Field field) const {
  const dns::Message& m = v_.answer.message;
  const DomainView& d = v_.domain;
  switch (field) {
    case Field::dns_qtype:
      return Value::text(type_word(m.questions.front().type));
    case Field::dns_rcode:
      return Value::uint(m.rcode);
    case Field::dns_query_seen:
      return Value::boolean(v_.believed);
    case Field::dns_answers_conflict:
      return Value::boolean(v_.answer.conflicts);
    case Field::dns_negative:
      return Value::boolean(m.rcode == 3 || (m.rcode == 0 && m.answers.empty()));
    case Field::dns_ad:
      return Value::boolean(m.ad);
    case Field::dns_mx_in_policy:
      return mx_in_policy(v_.answer, d);
    case Field::dns_null_mx:
      return Value::boolean(null_mx(m));
    case Field::dns_ttl:
      return smallest_ttl(m);
    case Field::policy_domain:
      return Value::text(d.domain);
    case Field::policy_protection:
      return Value::text(policy::protection_name(d.judgement.protection));
    case Field::policy_state:
      return Value::text(policy::state_name(d.judgement.state));
    default:
      return Value::unknown();
  }
}

void Judge::on_answer(const dnswire::DnsAnswer& answer) {
  ++coverage_.dns_answers;
  const std::string& owner = answer.message.questions.front().name;
  if (answer.message.questions.front().type == static_cast<std::uint16_t>(dns::Type::mx))
    ++coverage_.mx_answers;
  map_.learn(answer);
  sink_.on_answer(answer);
  DomainView domain;
  domain.domain = owner;
  domain.basis = DomainBasis::mx_map;
  domain.judgement = policy::decide(policy_for(owner), false, answer.at.time);
  const AnswerView view{.answer = answer, .domain = domain, .believed = map_.believes(answer)};
  for (const rules::Rule& rule : config_.rules.rules)
    if (rule.enabled && rule.speaks(rules::Scope::dns, rule.at)) judge_answer(rule, view);
}

void Judge::judge_answer(const rules::Rule& rule, const AnswerView& view) {
  const rules::Role role = role_of(view.answer);
  if (!rule.roles.has(role)) return;
  const AnswerFields fields(view);
  const rules::Subject subject{.client = view.answer.client.address,
                               .mx_host = {},
                               .policy_domain = view.domain.domain,
                               .issuer_spki = {},
                               .now = view.answer.at.time};
  const rules::Evaluation evaluation =
      rules::evaluate(rule, rules::Scope::dns, rule.at, fields, subject);
  if (evaluation.outcome != rules::Outcome::match) {
    if (rule.id != config_.why) return;
    std::string why(rules::name(evaluation.outcome));
    if (evaluation.decisive != nullptr) why += ": " + rules::describe(*evaluation.decisive, fields);
    sink_.on_near_miss(nullptr, rule, why, view.answer.at);
    return;
  }
  Finding finding = build_answer_finding(rule, evaluation, view, role, redactor_);
  const bool testing = view.domain.judgement.protection == policy::Protection::sts_testing;
  if (testing && rule.reads_policy())
    finding.severity = std::min(finding.severity, rules::Severity::medium);
  worst_ = std::max(worst_, finding.severity);
  ++findings_;
  sink_.on_finding(finding);
}

}  // namespace mxw::judge
