#include "milter/settings.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"

namespace mxw::milter {
namespace {

// What reads one list, with the key's name before its error.
template <typename List>
Result<void> take(Result<List> list, std::string_view key, List& into) {
  if (!list) return fail(list.error().kind, std::string(key) + ": " + list.error().message);
  into = std::move(*list);
  return {};
}

Result<void> take_overrides(const config::Milter& milter, Settings& settings) {
  for (const config::MilterOverride& from : milter.overrides) {
    Override to{{}, from.clients, from.action};
    if (auto done = take(DomainList::parse(from.recipients), "milter.override", to.recipients);
        !done)
      return done;
    settings.overrides.push_back(std::move(to));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Settings>> Settings::compile(const config::Milter& milter) {
  auto settings = std::make_shared<Settings>();
  RoleRules& roles = settings->roles;
  roles.listener = milter.role;
  for (const auto& [daemon, role] : milter.daemon_names)
    roles.daemon_names.emplace(ascii::to_lower(daemon), role);
  roles.daemon_ports = milter.daemon_ports;
  roles.trusted_networks = milter.trusted_networks;
  settings->authserv_id = milter.authserv_id;
  settings->header = milter.header;
  settings->peers = milter.defer.peers;
  auto done = take(ClientList::parse(milter.exempt), "milter.exempt", settings->exempt);
  if (done)
    done = take(DomainList::parse(milter.defer.domains), "milter.defer.domains",
                settings->defer_domains);
  if (done) done = take_overrides(milter, *settings);
  if (!done) return std::unexpected(done.error());
  settings->choices = {
      .max_age = milter.defer.max_age,
      .defers = !settings->peers.empty() && !settings->defer_domains.empty(),
      .dry_run = milter.dry_run,
      .tempfail_on_error = milter.on_internal_error == config::InternalError::tempfail};
  return settings;
}

std::optional<Action> Settings::overridden(std::string_view domain,
                                           const std::optional<IpAddress>& client) const {
  const auto found = std::ranges::find_if(overrides, [&](const Override& one) {
    return (one.recipients.empty() || one.recipients.contains(domain)) &&
           (one.clients.empty() || contains(one.clients, client));
  });
  return found == overrides.end() ? std::nullopt : std::optional(found->action);
}

}  // namespace mxw::milter
