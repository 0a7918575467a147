// A verb of the tool: its words, its help, and what it does. Each stands in its own file with those
// it shares its work with; verbs() lists them all, and nothing else knows them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.hpp"

namespace mxw::cli {

struct Verb {
  const char* words;     // `policy bypass`
  const char* operands;  // `DOMAIN`; empty: none
  std::size_t least, most;
  const char* summary;  // one line
  const char* about;    // what one must know before using it; paragraphs, wrapped when printed
  std::span<const Option> options;
  const char* exits;  // of this verb, besides 2 usage
  int (*run)(const Given& given);
};

// In the order of the overview.
[[nodiscard]] std::span<const Verb* const> verbs();

// `group`: the first word of those to be listed, `policy`; empty: all.
[[nodiscard]] std::string overview(std::string_view group = {});
[[nodiscard]] std::string help(const Verb& verb);

// The whole program but --version. Results go to standard output, messages to standard error.
[[nodiscard]] int run_verb(const std::vector<std::string>& arguments);

}  // namespace mxw::cli
