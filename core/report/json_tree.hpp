// JsonTree: a JSON text as a tree, under the limits of a report (limits.hpp): depth, number of
// values, no member twice (RFC 7493 section 2.3), nothing behind it. Thread-safe; throws nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/deviation.hpp"

namespace mxw::report {

struct JsonTree {
  enum class Kind : std::uint8_t { null, boolean, integer, real, string, array, object };

  Kind kind = Kind::null;
  bool negative = false;        // integer
  std::uint64_t magnitude = 0;  // integer, without its sign
  double real = 0;
  std::string name;             // of a member
  std::string text;             // string
  std::vector<JsonTree> items;  // array, object: in the order of the text

  [[nodiscard]] bool is(Kind other) const { return kind == other; }
};

// REQUIRES: valid UTF-8, no byte order mark. Refusals: `not-json`, `trailing-bytes`,
// `duplicate-key`, `too-deep`, `too-large`, `bad-count` (a number beyond a double).
[[nodiscard]] std::expected<JsonTree, Refusal> parse_json(std::string_view text);

}  // namespace mxw::report
