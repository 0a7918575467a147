#include "policyd/import_policy.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/limits.hpp"
#include "core/ipc/peer.hpp"
#include "core/policy/policy_dir.hpp"
#include "policyd/event_kind.hpp"

namespace mxw::policyd {
namespace {

constexpr std::string_view kSource = "import";

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

// The text as it stands in the file; load_policy_dir() has read and accepted it already.
std::string text_of(const std::string& dir, const std::string& domain) {
  std::ifstream in(dir + '/' + domain + ".txt", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace

std::string_view name(Imported result) {
  switch (result) {
    case Imported::stored:
      return "stored";
    case Imported::ran_out:
      return "ran-out";
    case Imported::older:
      break;
  }
  return "older";
}

rows::EventRow imported_event(const std::string& domain, Time now, const std::string& who) {
  rows::EventRow event;
  event.time = now;
  event.domain = domain;
  event.kind = name(EventKind::policy_imported);
  event.detail = who;
  return event;
}

Result<Imported> import_text(const ImportText& text, store::PolicyStore& store, Time now,
                             const std::string& who) {
  const auto parsed = policy::parse_sts_policy(text.body);
  if (!parsed)
    return fail(ErrorKind::usage, text.domain + ":" + std::to_string(parsed.error().line) + ": " +
                                      parsed.error().reason);
  if (text.fetched_at > now)
    return fail(ErrorKind::usage, text.domain + ": was fetched in the future");
  rows::PolicyRow row;
  row.domain = text.domain;
  row.id = text.id;
  row.mode = parsed->mode;
  row.body = text.body;
  row.fetched_at = text.fetched_at;
  row.max_age = parsed->max_age;
  row.source = kSource;
  if (row.valid_until() < now) return Imported::ran_out;
  const auto held = store.current_policy({.tenant = 0, .name = row.domain});
  if (!held) return std::unexpected(held.error());
  if (*held && (*held)->fetched_at > row.fetched_at) return Imported::older;
  const rows::EventRow event = imported_event(row.domain, now, who);
  if (auto put = store.put_policy(domain_of(row, now), row, &event); !put)
    return std::unexpected(put.error());
  return Imported::stored;
}

Result<void> may_import(const std::string& folder, uid_t caller) {
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0)
    return fail(ErrorKind::environment, folder + ": " + std::strerror(errno));
  if (found.st_uid == caller) return {};
  return fail(ErrorKind::usage,
              folder + " belongs to " + ipc::describe(found.st_uid) + " and this is " +
                  ipc::describe(caller) +
                  ", whose files policyd could not read; as root: setpriv --reuid=" +
                  std::to_string(found.st_uid) + " --regid=" + std::to_string(found.st_gid) +
                  " --clear-groups mxwarden-policyd --import DIR");
}

Result<ImportCount> import_dir(const std::string& dir, store::PolicyStore& store, Time now,
                               const std::string& who) {
  const auto policies = policy::load_policy_dir(dir);
  if (!policies) return std::unexpected(policies.error());
  ImportCount count;
  for (const policy::CachedPolicy& cached : *policies) {
    const auto imported = import_text({.domain = cached.domain,
                                       .id = cached.id,
                                       .body = text_of(dir, cached.domain),
                                       .fetched_at = cached.fetched_at.value_or(now)},
                                      store, now, who);
    if (!imported) return std::unexpected(imported.error());
    count.stored += *imported == Imported::stored ? 1U : 0U;
    count.ran_out += *imported == Imported::ran_out ? 1U : 0U;
    count.older += *imported == Imported::older ? 1U : 0U;
  }
  return count;
}

}  // namespace mxw::policyd
