// Reads one table of a rule file strictly: every key is asked for by name, whatever is left is
// refused.
//
// The first problem is kept and reading goes on with default values, so that readers are
// straight-line code; the caller looks at Problems::first() once at the end and throws the result
// away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/toml/toml_tree.hpp"

namespace mxw::toml {

class Problems {
 public:
  explicit Problems(Place place = Place::line) : place_(place) {}

  void add(const Node& at, const std::string& reason);  // only the first is kept
  [[nodiscard]] const std::string& first() const { return first_; }
  [[nodiscard]] bool none() const { return first_.empty(); }

 private:
  Place place_;
  std::string first_;  // "FILE:LINE: reason" or "FILE:LINE:COLUMN: reason"
};

// The Node must outlive the reader. REQUIRES: finish() before it is destroyed.
class TableReader {
 public:
  // `where` names the table in messages ("[doc]"). A node that is no table is a problem and reads
  // as empty.
  TableReader(const Node& node, std::string_view where, Problems& problems);

  const Node* optional(std::string_view key);  // nullptr when absent
  const Node* need(std::string_view key);      // absent: a problem, nullptr

  std::string text(std::string_view key);     // required, not empty
  std::int64_t number(std::string_view key);  // required
  std::string optional_text(std::string_view key);
  std::vector<std::string> texts(std::string_view key);  // required list

  // A required word of a closed set; `what` names the set in the message.
  template <typename E>
  E word(std::string_view key, std::optional<E> (*parse)(std::string_view), std::string_view what) {
    const Node* node = need(key);
    return node == nullptr ? E{} : word_of(*node, parse, what).value_or(E{});
  }
  template <typename E>
  std::optional<E> optional_word(std::string_view key, std::optional<E> (*parse)(std::string_view),
                                 std::string_view what) {
    const Node* node = optional(key);
    return node == nullptr ? std::nullopt : word_of(*node, parse, what);
  }
  template <typename E>
  std::optional<E> word_of(const Node& node, std::optional<E> (*parse)(std::string_view),
                           std::string_view what) {
    const auto* text = node.as<std::string>();
    const std::optional<E> value = text == nullptr ? std::nullopt : parse(*text);
    if (!value) problems_.add(node, wrong_word(text, what));
    return value;
  }

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] Problems& problems() { return problems_; }

  // Keys nobody asked for are a problem. `hint` may say more about one: `, perhaps "x" is meant`.
  using Hint = std::function<std::string(std::string_view key)>;
  void finish(const Hint& hint = {});

 private:
  static std::string wrong_word(const std::string* text, std::string_view what);

  const Node& node_;
  const Node::Table* table_;
  std::string where_;
  Problems& problems_;
  std::vector<std::string_view> asked_;
};

// The strings of a list; anything else in it is a problem.
std::vector<std::string> read_texts(const Node& node, std::string_view key, Problems& problems);

// An array node, or nullptr and a problem.
const Node::Array* read_array(const Node& node, std::string_view key, Problems& problems);

}  // namespace mxw::toml
