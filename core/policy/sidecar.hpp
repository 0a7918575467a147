// The sidecar of a policy file: what the policy's text does not say about itself, as one JSON
// object {id, fetched_at, valid_until, source, pin}, every member optional. Written by operators,
// so it is read strictly: an unknown or doubled member is an error, not a guess. Pure function,
// thread-safe.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/policy/mta_sts.hpp"

namespace mxw::policy {

struct Sidecar {
  std::string id;                               // of the TXT record
  std::optional<Time> fetched_at, valid_until;  // RFC 3339, UTC (`Z`)
  std::string source;
  bool pin = false;
};

// The reason and the line of the first mistake, else the sidecar.
[[nodiscard]] std::expected<Sidecar, Invalid> parse_sidecar(std::string_view json);

}  // namespace mxw::policy
