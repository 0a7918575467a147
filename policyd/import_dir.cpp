#include "policyd/import_dir.hpp"

#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/limits.hpp"
#include "core/policy/policy_dir.hpp"

namespace mxw::policyd {
namespace {

constexpr std::string_view kSource = "import";

// The text as it stands in the file; load_policy_dir() has read and accepted it already.
std::string text_of(const std::string& dir, const std::string& domain) {
  std::ifstream in(dir + '/' + domain + ".txt", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (text.size() > limits::kPolicyBytes) text.clear();
  return text;
}

rows::PolicyRow row_of(const policy::CachedPolicy& cached, std::string body, Time now) {
  rows::PolicyRow row;
  row.domain = cached.domain;
  row.id = cached.id;
  row.mode = cached.policy.mode;
  row.body = std::move(body);
  row.fetched_at = cached.fetched_at.value_or(now);
  row.max_age = cached.policy.max_age;
  row.source = kSource;
  return row;
}

rows::DomainRow domain_of(const rows::PolicyRow& policy, Time now) {
  rows::DomainRow row;
  row.name = policy.domain;
  row.state = rows::DomainState::policy;
  row.txt_id = policy.id;
  row.checked_at = policy.fetched_at;
  row.check_result = kSource;
  row.refresh_at = now;
  row.last_asked = now;
  return row;
}

}  // namespace

Result<Imported> import_dir(const std::string& dir, store::PolicyStore& store, Time now) {
  const auto policies = policy::load_policy_dir(dir);
  if (!policies) return std::unexpected(policies.error());
  Imported imported;
  for (const policy::CachedPolicy& cached : *policies) {
    const rows::PolicyRow row = row_of(cached, text_of(dir, cached.domain), now);
    if (row.valid_until() < now) {
      ++imported.ran_out;
      continue;
    }
    const auto held = store.current_policy({.tenant = 0, .name = row.domain});
    if (!held) return std::unexpected(held.error());
    if (*held && (*held)->fetched_at > row.fetched_at) {
      ++imported.older;
      continue;
    }
    if (auto put = store.put_policy(domain_of(row, now), row); !put)
      return std::unexpected(put.error());
    ++imported.stored;
  }
  return imported;
}

}  // namespace mxw::policyd
