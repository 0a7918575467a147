// Settings: what a session needs of the configuration, made ready once. Immutable; a session holds
// the settings it began with, so that a reload changes nothing in the middle of one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "milter/decide.hpp"
#include "milter/lists.hpp"
#include "milter/role.hpp"

namespace mxw::milter {

struct Override {
  DomainList recipients;  // empty: every
  std::vector<Cidr> clients;
  Action action = Action::tag;
};

struct Settings {
  RoleRules roles;
  ClientList exempt;
  std::string authserv_id;  // empty: the MTA's name, macro {j}
  bool header = true;
  std::vector<Cidr> peers;  // clients that queue
  DomainList defer_domains;
  std::vector<Override> overrides;
  Choices choices;

  // Of kind usage: an entry of a list that is neither name nor network.
  [[nodiscard]] static Result<std::shared_ptr<const Settings>> compile(
      const config::Milter& milter);

  // The first [[milter.override]] that fits.
  [[nodiscard]] std::optional<Action> overridden(std::string_view domain,
                                                 const std::optional<IpAddress>& client) const;
};

}  // namespace mxw::milter
