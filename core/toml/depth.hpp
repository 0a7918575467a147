// How deeply a TOML text nests, before it is parsed: toml++ bounds arrays and inline tables, but
// walks `a.a.a.a = 1` by recursion however long it is, and the stack ends before the text does.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace mxw::toml {

struct At {
  std::size_t line = 1, column = 1;  // columns count octets
};

// Where dotted keys, arrays and inline tables together come to more than `limit` levels. A table
// header counts for itself: what stands below it starts anew. Of a text that is not TOML the part
// before its first error is judged as toml++ reads it.
[[nodiscard]] std::optional<At> nested_deeper_than(std::size_t limit, std::string_view text);

}  // namespace mxw::toml
