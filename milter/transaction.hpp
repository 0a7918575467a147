// Session: one connection of the MTA to the milter, without libmilter: what callbacks do, as values
// in and replies out. Made at connect, handed from callback to callback by smfi_setpriv; callbacks
// of one session come one after another, from any thread. Holds no lock between them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"

namespace mxw::milter {

// The MTA's macros at the moment of a callback. Empty: not sent. `{tls_version}` and the like.
class Macros {
 public:
  virtual ~Macros() = default;
  [[nodiscard]] virtual std::string_view get(const char* name) const = 0;
};

// What a callback answers. `defer` carries the whole reply.
struct Reply {
  enum class Kind : std::uint8_t { go_on, accept, defer, tempfail };
  Kind kind = Kind::go_on;
  std::string code, enhanced, text;  // of defer: no CR, LF, `%`; ASCII
};

// What is changed at end of message.
struct Edits {
  struct Change {
    std::uint32_t index = 1;  // among headers of this name, from 1
    std::string value;        // empty: the header goes
  };
  std::optional<std::string> authentication_results;  // inserted at index 0
  std::vector<Change> changed;                        // `Authentication-Results` headers
  std::optional<std::string> quarantine;              // reason
};

struct Connect {
  std::string host;
  std::optional<Endpoint> client;  // absent: local, no address
};

}  // namespace mxw::milter
