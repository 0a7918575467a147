#include "policyd/failures.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/policy/mta_sts.hpp"
#include "core/policy/tlsrpt.hpp"

namespace mxw::policyd {
namespace {

using policy::AddressSecurity;
using policy::ResultType;
using policy::TlsaAnswer;
using rows::PolicyFailureRow;
using Scope = Judgement::Scope;

Scope scope_of(std::string_view result) {
  const auto type = policy::parse_result_type(result);
  if (!type) return Scope::nothing;
  switch (*type) {
    case ResultType::sts_policy_fetch_error:
    case ResultType::sts_policy_invalid:
    case ResultType::sts_webpki_invalid:
      return Scope::policy;
    case ResultType::tlsa_invalid:
    case ResultType::dnssec_invalid:
      return Scope::routes;
    default:
      return Scope::nothing;
  }
}

std::string reason_of(std::string_view what, std::string_view word) {
  return std::string(what) + " " + std::string(word);
}

Trouble dnssec(const std::string& host, std::string_view what, std::string_view word) {
  return {host, std::string(name(ResultType::dnssec_invalid)), reason_of(what, word)};
}

// `word` is that of one outcome or `A/AAAA`.
bool is_bogus(std::string_view word) {
  return word.find(resolve::outcome_name(resolve::Outcome::bogus)) != std::string_view::npos;
}

void judge_tlsa(const MxHost& host, Judgement& out) {
  const std::string_view servfail = resolve::outcome_name(resolve::Outcome::servfail);
  if (host.tlsa.answer == TlsaAnswer::error) {
    if (is_bogus(host.tlsa.word) || host.tlsa.word == servfail)
      out.troubles.push_back(dnssec(host.name, "TLSA", host.tlsa.word));
    else
      out.unknown.push_back(host.name);
    return;
  }
  const auto dane = policy::judge_host({host.security, host.tlsa.answer, host.tlsa.records});
  if (dane == policy::HostDane::unusable_only)
    out.troubles.push_back({host.name, std::string(name(ResultType::tlsa_invalid)),
                            "no usable TLSA record of " + host.tlsa.base});
}

std::string why_failed(const FetchAnswer& fetch) {
  if (fetch.cause != https::Cause::ok) return fetch.detail;
  const auto policy = policy::parse_sts_policy(fetch.body);
  if (policy) return {};
  return "line " + std::to_string(policy.error().line) + ": " + policy.error().reason;
}

}  // namespace

bool Judgement::covers(const PolicyFailureRow& row) const {
  return scope != Scope::nothing && scope_of(row.result) == scope &&
         (row.mx_host.empty() || std::ranges::find(unknown, row.mx_host) == unknown.end());
}

Judgement judge_policy(const Conclusion& conclusion, const TxtAnswer& txt,
                       const std::optional<FetchAnswer>& fetch) {
  Judgement out;
  const rows::DomainRow& domain = conclusion.domain;
  const bool ours =
      fetch && (fetch->cause == https::Cause::busy || fetch->cause == https::Cause::local);
  if (ours) return out;
  const bool let_go = conclusion.effective && conclusion.effective->mode == policy::Mode::none;
  if (conclusion.put || let_go) {
    out.scope = Scope::policy;
  } else if (fetch) {
    out.scope = Scope::policy;
    std::string reason = domain.check_result;
    if (const std::string why = why_failed(*fetch); !why.empty()) reason += ": " + why;
    out.troubles.push_back({{}, domain.fail_type, std::move(reason)});
  } else if (domain.fail_type.empty() && txt.kind != TxtKind::failure) {
    out.scope = Scope::policy;  // nothing has failed since the last success, or there is no policy
  }
  return out;
}

Judgement judge_routes(const MxFound& found) {
  Judgement out;
  if (found.kind == MxKind::error) {
    if (!is_bogus(found.word)) return out;
    out.scope = Scope::routes;
    out.troubles.push_back(dnssec({}, "MX", found.word));
    return out;
  }
  out.scope = Scope::routes;
  for (const MxHost& host : found.hosts) {
    if (host.security != AddressSecurity::error)
      judge_tlsa(host, out);
    else if (is_bogus(host.word))
      out.troubles.push_back(dnssec(host.name, "address", host.word));
    else
      out.unknown.push_back(host.name);
  }
  return out;
}

std::vector<PolicyFailureRow> failure_rows(std::span<const PolicyFailureRow> open,
                                           const Judgement& judgement, rows::Key key,
                                           const std::string& origin, Time now) {
  std::vector<PolicyFailureRow> out;
  const auto same = [](const PolicyFailureRow& row, const Trouble& trouble) {
    return row.result == trouble.result && row.mx_host == trouble.mx_host;
  };
  for (PolicyFailureRow row : open) {
    if (!judgement.covers(row)) continue;
    const bool goes_on =
        std::ranges::any_of(judgement.troubles, [&](const Trouble& t) { return same(row, t); });
    if (goes_on) continue;
    row.to = std::max(row.from, now);
    out.push_back(std::move(row));
  }
  for (const Trouble& trouble : judgement.troubles) {
    const auto held =
        std::ranges::find_if(open, [&](const PolicyFailureRow& row) { return same(row, trouble); });
    PolicyFailureRow row;
    if (held != open.end()) {
      row = *held;
    } else {
      row.tenant = key.tenant;
      row.domain = key.name;
      row.mx_host = trouble.mx_host;
      row.result = trouble.result;
      row.from = now;
    }
    row.origin = origin;
    row.reason = trouble.reason.substr(0, rows::kReasonBytes);
    row.seen = std::max(row.from, now);
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace mxw::policyd
