// Reads a directory of rule files (R01.toml ...) and the operator's overrides. TOML 1.0 by toml++,
// which is seen by core/rules/toml_tree.cpp alone.
//
// Everything is checked against compiled-in tables: field names, types, operators, words, keys. On
// any error the whole set is refused, so that no rule ever runs half understood.
//
// Limits: 256 rule files of 64 KiB, an override file of 1 MiB; beyond is an error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/rules/rule.hpp"

namespace mxw::rules {

// A rule some clause of which reads a field that a replay of captures does not fill.
struct Unfilled {
  std::size_t rule = 0;  // index into RuleSet::rules
  bool never = false;    // no case can hold; false: only some cases are out of reach
  std::vector<Field> fields;
};

struct RuleSet {
  std::vector<Rule> rules;  // sorted by id
  std::string sha256;       // hex; of all ids and their sha256
  std::vector<Unfilled> unfilled;

  [[nodiscard]] const Rule* find(std::string_view id) const;
};

// ErrorKind::usage with "FILE:LINE: reason" for what the operator can correct in a file (a file
// that cannot be read: "FILE: reason"). Files in `dir` that do not end in .toml are ignored.
[[nodiscard]] Result<RuleSet> load(const std::string& dir,
                                   const std::optional<std::string>& overrides_file);

}  // namespace mxw::rules
