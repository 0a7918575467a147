// A query of a socketmap client, `NAME KEY`: which dialect the client speaks, and what its key
// names. Total on any octets; pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"

namespace mxw::map {

using config::Dialect;

// `postfix example.org`. Views into the payload.
struct SplitQuery {
  std::string_view map, key;
};
// At the first blank; nullopt without one.
[[nodiscard]] std::optional<SplitQuery> split_query(std::string_view payload);

// What Postfix and Sendmail ask for (observed: RFC 8461 section 3.4 has the rule on smart hosts).
enum class KeyKind : std::uint8_t {
  domain,      // `example.org`, and `example.org:25`, which is the domain's policy
  smart_host,  // `[mx1.example.org]`, `[mx1.example.org]:587`: no MX lookup, the host is the domain
  address,     // `[192.0.2.1]:25`: nothing a name could be matched with
  parent,      // `.example.org`, what Postfix asks after a NOTFOUND
  garbage,     // no domain by any reading, also U-labels that IDNA does not know
};
[[nodiscard]] std::string_view name(KeyKind kind);

struct Key {
  KeyKind kind = KeyKind::garbage;
  std::string domain;  // lower-case A-label of a domain or smart host, else empty
};
[[nodiscard]] Key classify_key(std::string_view key);

// The configured map names; few, so they are tried one by one.
class MapNames {
 public:
  explicit MapNames(const std::map<std::string, Dialect>& names);
  // Index of the name, to be used with name() and dialect(); nullopt when it is not configured.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] const std::string& name(std::size_t index) const { return names_[index].first; }
  [[nodiscard]] Dialect dialect(std::size_t index) const { return names_[index].second; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::pair<std::string, Dialect>> names_;
};

}  // namespace mxw::map
