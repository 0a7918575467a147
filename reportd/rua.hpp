// The addresses of a TLSRPT record a report goes to (RFC 8460 section 3, semantics 8). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::reportd {

inline constexpr std::size_t kRuaPerScheme = 2;  // of mailto, and of https

struct Rua {
  enum class Scheme : std::uint8_t { mailto, https };
  Scheme scheme = Scheme::mailto;
  std::string uri;  // as in the record
  // The mailbox (domain in lower case), or the URL to post to.
  std::string address;
  std::string key;  // what the cap of an address counts: the mailbox or URL in lower case
};

// A mailbox of one mailto URI: decoded, a dot-string and a host name, hfields ignored. nullopt for
// anything else, also for several mailboxes.
[[nodiscard]] std::optional<std::string> mailbox_of(std::string_view mailto);

// One URI; nullopt where no report can go.
[[nodiscard]] std::optional<Rua> rua_of_uri(std::string_view uri);

struct RuaList {
  std::vector<Rua> rua;      // in record order, at most kRuaPerScheme of each scheme
  std::size_t capped = 0;    // usable ones beyond that
  std::size_t unusable = 0;  // no mailbox, or no https URL of ours
};
// Empty for a record that is none. What leads to the same address stands there once.
[[nodiscard]] RuaList rua_of(std::string_view record);

}  // namespace mxw::reportd
