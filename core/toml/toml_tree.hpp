// A TOML document as a plain tree with the file and line of every value. The only place that knows
// toml++ is the .cpp: the library is heavy to compile and its types stay out of our headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::toml {

struct Entry;

// A TOML date or date-time as RFC 3339 text.
struct DateText {
  std::string text;
};

struct Node {
  using Array = std::vector<Node>;
  using Table = std::vector<Entry>;  // sorted by key, each once

  std::variant<bool, std::int64_t, double, std::string, DateText, Array, Table> data;
  std::uint32_t line = 0;
  std::shared_ptr<const std::string> file;  // as given to parse_toml

  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&data);
  }
  template <typename T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&data);
  }
};

struct Entry {
  std::string key;
  Node value;
};

[[nodiscard]] const Node* find(const Node::Table& table, std::string_view key);
[[nodiscard]] Node* find(Node::Table& table, std::string_view key);

// A table node; Error{usage, "FILE:LINE: reason"} for what is not TOML 1.0.
[[nodiscard]] Result<Node> parse_toml(std::string_view text, const std::string& file);

// The values as text without layout, comments, file and line: equal documents give equal text.
[[nodiscard]] std::string canonical(const Node& node);

}  // namespace mxw::toml
