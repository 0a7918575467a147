// What goes in and out of a session (milter/session.hpp), without libmilter.
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

// What a callback answers. `defer` carries the whole reply, always 451, and is given at RCPT only;
// at end of message only for a fault of ours and by the operator's choice.
struct Reply {
  enum class Kind : std::uint8_t { go_on, defer };
  Kind kind = Kind::go_on;
  std::string code, enhanced, text;  // of defer: printable ASCII without `%`, at most 500 octets
};

// What is changed at end of message, to be done in this order. Without smfi_progress: none of it
// waits.
struct Edits {
  Reply reply;
  // `Authentication-Results` headers, highest index first: whether those behind one that goes move
  // up differs among MTAs.
  struct Change {
    std::uint32_t index = 1;  // among headers of this name, from 1
    std::string value;        // empty: the header goes
    std::size_t clauses = 0;  // that are taken out
  };
  std::vector<Change> changed;
  std::optional<std::string> authentication_results;  // inserted at index 0
  std::optional<std::string> quarantine;              // reason, ASCII
};

struct Connect {
  std::string host;
  std::optional<Endpoint> client;  // absent: local, no address
  // They come and can be changed, as was negotiated whatever the settings say by now. Without that
  // no header of ours is written: one beside forged ones would lend them its name.
  bool headers = true;
};

}  // namespace mxw::milter
