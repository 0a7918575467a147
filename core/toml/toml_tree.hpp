// A TOML document as a plain tree with the file, line and column of every value. The only place
// that knows toml++ is the .cpp: the library is heavy to compile and its types stay out of our
// headers.
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

// How a place in a file is named in messages.
enum class Place : std::uint8_t { line, line_and_column };
[[nodiscard]] std::string place_text(const std::string& file, std::size_t line, std::size_t column,
                                     Place place);  // "FILE:LINE: " or "FILE:LINE:COLUMN: "

// A TOML date or date-time as RFC 3339 text.
struct DateText {
  std::string text;
};

struct Node {
  using Array = std::vector<Node>;
  using Table = std::vector<Entry>;  // sorted by key, each once

  std::variant<bool, std::int64_t, double, std::string, DateText, Array, Table> data;
  std::uint32_t line = 0, column = 0;  // of its first character, from 1; columns count characters
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

// Levels of tables and arrays; bounds the recursion of toml++ and ours over a tree.
inline constexpr std::size_t kTomlDepth = 256;  // TOML_MAX_NESTED_VALUES of toml++

// A table node; Error{usage, "FILE:LINE: reason"} or "FILE:LINE:COLUMN: reason" for what is not
// TOML 1.0 or is nested deeper than kTomlDepth.
[[nodiscard]] Result<Node> parse_toml(std::string_view text, const std::string& file,
                                      Place place = Place::line);

// The values as text without layout, comments, file and line: equal documents give equal text.
[[nodiscard]] std::string canonical(const Node& node);

}  // namespace mxw::toml
