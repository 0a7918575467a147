#include "core/rows/policy_rows.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/limits.hpp"

namespace mxw::rows {
namespace {

constexpr std::array<std::string_view, 3> kStates = {"unknown", "none", "policy"};
constexpr std::array<std::string_view, 6> kTables = {"domain", "policy", "mx_route",
                                                     "tlsa",   "tlsrpt", "reread"};

struct Bounded {
  std::string_view what;
  std::size_t size, limit;
};

std::optional<std::string> first_over(std::initializer_list<Bounded> texts) {
  for (const Bounded& text : texts) {
    if (text.size > text.limit)
      return std::string(text.what) + " of " + std::to_string(text.size) + " octets, at most " +
             std::to_string(text.limit);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(DomainState state) {
  return kStates.at(static_cast<std::size_t>(state));
}
std::string_view name(Table table) {
  return kTables.at(static_cast<std::size_t>(table));
}

DomainState domain_state(std::string_view word) {
  const auto at = std::ranges::find(kStates, word);
  if (at == kStates.end()) return DomainState::unknown;
  return static_cast<DomainState>(at - kStates.begin());
}

policy::Mode mode_of(std::string_view word) {
  for (const auto mode : {policy::Mode::enforce, policy::Mode::testing}) {
    if (word == policy::mode_name(mode)) return mode;
  }
  return policy::Mode::none;
}

Time PolicyRow::valid_until() const {
  const auto seconds = static_cast<std::int64_t>(std::min(max_age, limits::kPolicyMaxAge));
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  if (fetched_at.ns > kEnd - seconds * kSecond) return {kEnd};
  return fetched_at + seconds * kSecond;
}

Sequence sequence_of(const Change& change) {
  return std::visit([](const auto& row) { return row.seq; }, change);
}

std::optional<std::string> over_limit(const DomainRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"name", row.name.size(), kNameBytes},
                     {"txt_id", row.txt_id.size(), kWordBytes},
                     {"check_result", row.check_result.size(), kWordBytes},
                     {"fail_type", row.fail_type.size(), kWordBytes}});
}

std::optional<std::string> over_limit(const PolicyRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"domain", row.domain.size(), kNameBytes},
                     {"id", row.id.size(), kWordBytes},
                     {"body", row.body.size(), limits::kPolicyBytes},
                     {"source", row.source.size(), kWordBytes}});
}

std::optional<std::string> over_limit(const RouteRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"policy_domain", row.policy_domain.size(), kNameBytes},
                     {"mx_host", row.mx_host.size(), kNameBytes},
                     {"source", row.source.size(), kWordBytes}});
}

std::optional<std::string> over_limit(const TlsaRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"base", row.base.size(), kNameBytes},
                     {"found_at", row.found_at.size(), kNameBytes},
                     {"rdata", row.rdata.size(), kTlsaBytes}});
}

std::optional<std::string> over_limit(const EventRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"domain", row.domain.size(), kNameBytes},
                     {"kind", row.kind.size(), kWordBytes},
                     {"result_type", row.result_type.size(), kWordBytes}});
}

std::optional<std::string> over_limit(const TlsrptRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"domain", row.domain.size(), kNameBytes},
                     {"record", row.record.size(), kTlsrptBytes}});
}

std::optional<std::string> over_limit(const RereadRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"domain", row.domain.size(), kNameBytes},
                     {"id", row.id.size(), kWordBytes}});
}

std::optional<std::string> over_limit(const PolicyFailureRow& row) {
  return first_over({{"origin", row.origin.size(), kWordBytes},
                     {"domain", row.domain.size(), kNameBytes},
                     {"mx_host", row.mx_host.size(), kNameBytes},
                     {"result", row.result.size(), kWordBytes},
                     {"reason", row.reason.size(), kReasonBytes}});
}

PolicyChange compare(const PolicyRow* current, const PolicyRow& next) {
  if (!current) return PolicyChange::added;
  const bool same = current->id == next.id && current->mode == next.mode &&
                    current->body == next.body && current->max_age == next.max_age;
  return same && next.fetched_at <= current->valid_until() ? PolicyChange::renewed
                                                           : PolicyChange::replaced;
}

PolicyChange compare(const TlsrptRow* current, const TlsrptRow& next) {
  if (!current) return PolicyChange::added;
  return current->record == next.record ? PolicyChange::renewed : PolicyChange::replaced;
}

}  // namespace mxw::rows
