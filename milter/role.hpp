// The role of a connection (semantics 12): what of our judgement concerns it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "core/config/config.hpp"
#include "milter/decide.hpp"

namespace mxw::milter {

struct RoleRules {
  config::MilterRole listener = config::MilterRole::automatic;  // `automatic`: by what follows
  std::map<std::string, config::MilterRole> daemon_names;       // keys in lower case
  std::map<std::string, config::MilterRole> daemon_ports;
  std::vector<Cidr> trusted_networks;
};

struct RoleFacts {
  std::string_view daemon_name, daemon_port;  // {daemon_name}, {daemon_port}; empty: not sent
  bool authenticated = false;                 // {auth_type} is not empty: known at MAIL
  std::optional<Endpoint> client;             // absent: local, no address
};

// listener > daemon name (case does not count) > daemon port > AUTH is submission > trusted
// networks are relay > no address, port 0 or loopback is local > inbound.
[[nodiscard]] Role role_of(const RoleRules& rules, const RoleFacts& facts);

}  // namespace mxw::milter
