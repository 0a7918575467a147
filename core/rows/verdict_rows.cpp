#include "core/rows/verdict_rows.hpp"

#include <algorithm>
#include <array>

namespace mxw::rows {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"active", "cleared", "expired", "void"};

std::string octets(std::string_view what, std::size_t size) {
  return "a " + std::string(what) + " of " + std::to_string(size) + " octets";
}

}  // namespace

std::string_view name(VerdictState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

VerdictState verdict_state(std::string_view word) {
  const auto at = std::ranges::find(kStates, word);
  return at == kStates.end() ? VerdictState::voided
                             : static_cast<VerdictState>(at - kStates.begin());
}

std::optional<std::string> over_limit(const VerdictRow& row) {
  for (const std::string* text :
       {&row.id, &row.origin, &row.rule, &row.severity, &row.domain_basis, &row.policy_id}) {
    if (text->size() > kWordBytes) return octets("word", text->size());
  }
  if (row.policy_domain.size() > kNameBytes) return octets("name", row.policy_domain.size());
  if (const auto* path = std::get_if<PathSubject>(&row.subject);
      path != nullptr && path->mx_host.size() > kNameBytes)
    return octets("name", path->mx_host.size());
  if (const auto* domain = std::get_if<DomainSubject>(&row.subject);
      domain != nullptr && domain->domain.size() > kNameBytes)
    return octets("name", domain->domain.size());
  if (row.evidence_ref.size() > kDetailBytes) return "evidence_ref";
  return std::nullopt;
}

}  // namespace mxw::rows
