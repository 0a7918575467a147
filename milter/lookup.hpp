// Lookup: what callbacks may ask of the knowledge. Any thread, at once, never waits for a lookup or
// a file; the implementation (milter/knowledge.hpp) holds its lock for the call only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "milter/path.hpp"

namespace mxw::milter {

struct SessionVerdict {
  std::string id, rule, policy_domain, policy_id;
};

class Lookup {
 public:
  virtual ~Lookup() = default;

  // `domain`: lower-case A-label. Also tells policyd that the domain is used (a hint, at most
  // 100 a second, semantics 11) when `hint`.
  [[nodiscard]] virtual DomainPath path(std::string_view domain, Time now, bool hint) = 0;

  // The verdict of an inbound-judged rule about this very session: 4-tuple, start within 5 s.
  [[nodiscard]] virtual std::optional<SessionVerdict> session(const Endpoint& client,
                                                              const Endpoint& server, Time start,
                                                              Time now) = 0;
  // Whether the sensor's feed is read: without it no verdict says nothing.
  [[nodiscard]] virtual bool sees_sessions() const = 0;
  // One transaction per domain and 60 s while `probing`; true: this one goes through.
  [[nodiscard]] virtual bool take_probe(std::string_view domain, Time now) = 0;
};

}  // namespace mxw::milter
