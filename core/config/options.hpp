// The option table: every key of `mxwarden.toml` once. A new setting is a member of a struct in
// config.hpp, with its default, and one line in options.cpp.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/config/config.hpp"
#include "core/toml/table_reader.hpp"

namespace mxw::config {

struct Option {
  std::string_view table, key;
  std::string type;       // `duration`, `one of "a", "b"`, ...
  std::string_view unit;  // `s`, `ms` or empty
  bool reload = false;    // a reload takes it; otherwise it needs a restart
  std::string_view help;  // one sentence without a full stop

  // Sets the member, or adds a problem and leaves it.
  std::function<void(const toml::Node&, toml::Problems&, Config&)> read;
  std::function<std::string(const Config&)> print;  // as TOML; a table of its own as inline table

  [[nodiscard]] std::string name() const { return std::string(table) + '.' + std::string(key); }
};

// By table, in the order of docs/config.md.
[[nodiscard]] std::span<const Option> options();

struct TableHelp {
  std::string_view name, help;
};
[[nodiscard]] std::span<const TableHelp> tables();

// The nearest of `known` to a mistyped word, or empty: at most a third of its letters differ.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> known);

}  // namespace mxw::config
