#include "milter/role.hpp"

#include "core/base/ascii.hpp"
#include "milter/lists.hpp"

namespace mxw::milter {
namespace {

using config::MilterRole;

Role fixed(MilterRole role) {
  switch (role) {
    case MilterRole::submission:
      return Role::submission;
    case MilterRole::relay:
      return Role::relay;
    case MilterRole::local:
      return Role::local;
    case MilterRole::automatic:
    case MilterRole::inbound:
      break;
  }
  return Role::inbound;
}

// `automatic` in a table says nothing: what follows decides.
std::optional<Role> listed(const std::map<std::string, MilterRole>& table, const std::string& key) {
  const auto found = table.find(key);
  if (key.empty() || found == table.end() || found->second == MilterRole::automatic)
    return std::nullopt;
  return fixed(found->second);
}

}  // namespace

Role role_of(const RoleRules& rules, const RoleFacts& facts) {
  if (rules.listener != MilterRole::automatic) return fixed(rules.listener);
  if (const auto role = listed(rules.daemon_names, ascii::to_lower(facts.daemon_name)))
    return *role;
  if (const auto role = listed(rules.daemon_ports, std::string(facts.daemon_port))) return *role;
  if (facts.authenticated) return Role::submission;
  if (!facts.client) return Role::local;
  if (contains(rules.trusted_networks, facts.client->address)) return Role::relay;
  const bool local = facts.client->port == 0 || is_loopback(facts.client->address);
  return local ? Role::local : Role::inbound;
}

}  // namespace mxw::milter
