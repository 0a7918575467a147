// The options of one verb, from a table that also makes its help. `--name VALUE` or `--name=VALUE`;
// a value is taken as it is, also when it begins with a hyphen; `--` ends the options. `--help` and
// `-h` are known everywhere: has("help"), and what stands behind them is not looked at.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::cli {

struct Option {
  const char* name;   // without hyphens
  const char* value;  // what stands for it in the help; nullptr: a flag
  const char* text;
  bool repeats = false;
};

class Given {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  // The value; of an option not given, `otherwise`.
  [[nodiscard]] std::string text(std::string_view name, std::string otherwise = {}) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  std::vector<std::string> operands;

 private:
  friend class OptionReader;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// Error (usage): an option that is not in the table, is given twice though it does not repeat, has
// no value or one it does not take.
[[nodiscard]] Result<Given> read_options(std::span<const Option> options,
                                         std::span<const std::string> arguments);

// Two columns, wrapped for 80 characters.
[[nodiscard]] std::string options_help(std::span<const Option> options);

}  // namespace mxw::cli
