// The pieces of the loader: each turns one part of a checked TOML tree into a part of a Rule.
// Problems go to `problems`; the returned value is then meaningless.
#pragma once

#include <map>
#include <string>

#include "core/rules/rule.hpp"
#include "core/toml/table_reader.hpp"

namespace mxw::rules {

using toml::canonical;
using toml::DateText;
using toml::Entry;
using toml::find;
using toml::Node;
using toml::parse_toml;
using toml::Problems;
using toml::read_array;
using toml::read_texts;
using toml::TableReader;

// [params]: named literals that clauses refer to as "$name".
class Params {
 public:
  Params() = default;
  Params(const Node* table, Problems& problems);  // nullptr: none

  // The value of `name`, nullptr when there is none. Remembers that it was used.
  const Node* use(const std::string& name);
  // A parameter that no clause uses is a problem: it would promise a knob that does nothing.
  void check_all_used(Problems& problems) const;

 private:
  struct Param {
    const Node* value = nullptr;
    bool used = false;
  };
  std::map<std::string, Param> params_;
};

// clause_reader.cpp: a list of [field, op, value]; names of used parameters go to `named` with
// their literal.
std::vector<Clause> read_clauses(const Node& node, std::string_view key, Params& params,
                                 std::map<std::string, Literal>& named, Problems& problems);

// exempt_reader.cpp
Exemptions read_exemptions(const Node& node, Problems& problems);
ThrottleSpec read_throttle(const Node& node, Problems& problems);

// rule_reader.cpp: the whole file, after the override was merged in.
Rule read_rule(const Node& root, Problems& problems);

// override.cpp: puts the override of one rule into its tree (`root`), so that every later check
// names the file and line the value came from. What an override may not touch is a problem. The
// severity cap stands apart: it is no key of a rule file.
struct OverrideEffect {
  const Node* severity_cap = nullptr;  // borrowed from `over`
};
OverrideEffect apply_override(Node& root, const Node& over, const std::string& id,
                              Problems& problems);

}  // namespace mxw::rules
