#include "map/known_rows.hpp"

#include <utility>

#include "core/policy/mta_sts.hpp"
#include "core/rows/dane_rows.hpp"

namespace mxw::map {
namespace {

void read_policy(const rows::PolicyRow& row, bool with_text, Known& known) {
  auto parsed = policy::parse_sts_policy(row.body);
  if (!parsed) return;
  known.state = rows::DomainState::policy;
  known.mode = parsed->mode;
  known.mx = std::move(parsed->mx);
  known.policy_id = row.id;
  known.valid_until = row.valid_until();
  if (with_text) known.policy_text = row.body;
}

}  // namespace

std::optional<Known> known_of(const feed::Replica& replica, std::string_view domain, bool with_text,
                              Time now) {
  const feed::DomainEntry* const entry = replica.find(domain);
  if (entry == nullptr || (entry->domain() == nullptr && entry->policy() == nullptr))
    return std::nullopt;
  Known known;
  if (const rows::DomainRow* const row = entry->domain()) {
    // `policy` is said by the policy's own row; without it nobody knows.
    if (row->state == rows::DomainState::none) known.state = row->state;
    known.checked_at = row->checked_at.value_or(Time{});
    known.txt_until = row->txt_until;
  }
  if (const rows::PolicyRow* const row = entry->policy()) read_policy(*row, with_text, known);
  const rows::DaneOfDomain dane = rows::dane_of(
      entry->routes(), [&replica](std::string_view base) { return replica.tlsa(base); }, now);
  known.dane = dane.state;
  known.dane_until = dane.until;
  return known;
}

}  // namespace mxw::map
