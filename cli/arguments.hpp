// The arguments of a recorded run, turned into those of a second run: the same judgement, files
// found where they are now, results written elsewhere.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::cli {

struct Arguments {
  std::vector<std::string> inputs;  // as given, in order
  std::vector<std::string> files;   // other files and directories that are read, as given
  struct Option {
    std::string name, value;
    bool is_file = false, has_value = false;
  };
  std::vector<Option> options;  // all but inputs, output, manifest and format, in order
};

// Error (usage): not the arguments of this version's mxwarden-sensor.
[[nodiscard]] Result<Arguments> parse_arguments(const std::vector<std::string>& given);

}  // namespace mxw::cli
