// How one kind of value is read from and printed as TOML. A codec has type(), read(node, key,
// problems) giving a value or nothing after adding a problem, and print(value); what it prints it
// reads back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"
#include "core/toml/table_reader.hpp"

namespace mxw::config {

// A basic string of TOML.
[[nodiscard]] std::string quoted(std::string_view text);

// A text and why it is refused: empty when it is good.
using TextCheck = std::string (*)(std::string_view);

struct Text {
  TextCheck check;
  std::string_view what;  // `absolute path`
  bool may_be_empty = false;

  [[nodiscard]] std::string type() const { return std::string(what); }
  [[nodiscard]] std::optional<std::string> read(const toml::Node& node, std::string_view key,
                                                toml::Problems& problems) const;
  [[nodiscard]] std::string print(const std::string& value) const { return quoted(value); }
};

struct Boolean {
  [[nodiscard]] std::string type() const { return "true or false"; }
  [[nodiscard]] std::optional<bool> read(const toml::Node& node, std::string_view key,
                                         toml::Problems& problems) const;
  [[nodiscard]] std::string print(bool value) const { return value ? "true" : "false"; }
};

// An integer of [min, max] in the file; `scale` of the member's units make one of the file's.
template <typename T>
struct Number {
  std::int64_t min, max;
  std::int64_t scale = 1;

  [[nodiscard]] std::string type() const {
    return "integer, " + std::to_string(min) + " to " + std::to_string(max);
  }
  [[nodiscard]] std::optional<T> read(const toml::Node& node, std::string_view key,
                                      toml::Problems& problems) const {
    const auto* value = node.as<std::int64_t>();
    if (value == nullptr) {
      problems.add(node, quoted(key) + " is not an integer");
      return std::nullopt;
    }
    if (*value < min || *value > max) {
      problems.add(
          node, quoted(key) + " is not from " + std::to_string(min) + " to " + std::to_string(max));
      return std::nullopt;
    }
    return static_cast<T>(*value * scale);
  }
  [[nodiscard]] std::string print(T value) const {
    return std::to_string(static_cast<std::int64_t>(value) / scale);
  }
};

// A word of a closed set.
template <typename E>
struct Word {
  std::vector<std::pair<E, std::string_view>> words;

  [[nodiscard]] std::string type() const { return "one of " + list(); }
  [[nodiscard]] std::optional<E> read(const toml::Node& node, std::string_view key,
                                      toml::Problems& problems) const {
    const auto* text = node.as<std::string>();
    for (const auto& [value, word] : words) {
      if (text != nullptr && *text == word) return value;
    }
    problems.add(node, quoted(key) + " is not one of " + list());
    return std::nullopt;
  }
  [[nodiscard]] std::string print(E value) const {
    const auto found = std::ranges::find(words, value, &std::pair<E, std::string_view>::first);
    return found == words.end() ? quoted("") : quoted(found->second);
  }
  [[nodiscard]] std::string list() const {
    std::string out;
    for (const auto& [value, word] : words) out += (out.empty() ? "" : ", ") + quoted(word);
    return out;
  }
};

// Something with a text form of its own: an endpoint, a prefix. `parse` gives an Error that says
// what is wrong with it.
template <typename T>
struct Parsed {
  Result<T> (*parse)(std::string_view);
  std::string (*text)(const T&);
  std::string_view what;

  [[nodiscard]] std::string type() const { return std::string(what); }
  [[nodiscard]] std::optional<T> read(const toml::Node& node, std::string_view key,
                                      toml::Problems& problems) const {
    const auto* given = node.as<std::string>();
    if (given == nullptr) {
      problems.add(node, quoted(key) + " is not a text: " + std::string(what));
      return std::nullopt;
    }
    Result<T> value = parse(*given);
    if (value) return *std::move(value);
    problems.add(node, quoted(key) + ": " + value.error().message);
    return std::nullopt;
  }
  [[nodiscard]] std::string print(const T& value) const { return quoted(text(value)); }
};

// A list of [min, max] of what another codec reads.
template <typename Item, typename T>
struct List {
  Item item;
  std::size_t min, max;

  [[nodiscard]] std::string type() const { return "list of " + item.type(); }
  [[nodiscard]] std::optional<std::vector<T>> read(const toml::Node& node, std::string_view key,
                                                   toml::Problems& problems) const {
    const toml::Node::Array* array = toml::read_array(node, key, problems);
    if (array == nullptr) return std::nullopt;
    if (array->size() < min || array->size() > max) {
      problems.add(node, quoted(key) + " has " + std::to_string(array->size()) + " entries, not " +
                             std::to_string(min) + " to " + std::to_string(max));
      return std::nullopt;
    }
    std::vector<T> values;
    for (const toml::Node& entry : *array) {
      auto value = item.read(entry, key, problems);
      if (!value) return std::nullopt;
      values.push_back(*std::move(value));
    }
    return values;
  }
  [[nodiscard]] std::string print(const std::vector<T>& values) const {
    std::string out = "[";
    for (const T& value : values) out += (out.size() > 1 ? ", " : "") + item.print(value);
    return out + ']';
  }
};

// A table of words: `{ postfix = "postfix" }`.
template <typename E>
struct WordTable {
  Word<E> word;
  TextCheck check_name;
  std::size_t min, max;

  [[nodiscard]] std::string type() const { return "table, values " + word.type(); }
  [[nodiscard]] std::optional<std::map<std::string, E>> read(const toml::Node& node,
                                                             std::string_view key,
                                                             toml::Problems& problems) const {
    const auto* table = node.as<toml::Node::Table>();
    if (table == nullptr || table->size() < min || table->size() > max) {
      problems.add(node, quoted(key) + " is not a table of " + std::to_string(min) + " to " +
                             std::to_string(max) + " entries");
      return std::nullopt;
    }
    std::map<std::string, E> values;
    for (const toml::Entry& entry : *table) {
      if (const std::string why = check_name(entry.key); !why.empty()) {
        problems.add(entry.value, quoted(key) + ": " + why);
        return std::nullopt;
      }
      const auto value = word.read(entry.value, entry.key, problems);
      if (!value) return std::nullopt;
      values.emplace(entry.key, *value);
    }
    return values;
  }
  [[nodiscard]] std::string print(const std::map<std::string, E>& values) const {
    std::string out = "{";
    for (const auto& [name, value] : values) {
      out += (out.size() > 1 ? ", " : " ") + quoted(name) + " = " + word.print(value);
    }
    return out + (values.empty() ? "}" : " }");
  }
};

}  // namespace mxw::config
