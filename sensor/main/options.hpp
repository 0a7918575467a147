// Options of mxwarden-sensor as data: from the command line now, from a configuration file later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "core/base/redact.hpp"
#include "core/base/result.hpp"
#include "core/rules/words.hpp"

namespace mxw::sensor {

enum class Format : std::uint8_t { automatic, eve, text };

struct Options {
  std::vector<std::string> inputs;
  std::string policies_dir, feed_socket, rules_dir, overrides_file, mx_map_file, ca_file;
  std::vector<Cidr> own;
  std::vector<IpAddress> mtas, resolvers;
  std::string filter, output = "-", manifest_file, why, sensor_name;
  Format format = Format::automatic;
  std::optional<rules::Severity> fail_on;  // nullopt: never
  Privacy privacy = Privacy::domain;
  std::string privacy_key_file;
  bool separate = false;
  bool help = false, version = false;
  std::uint64_t hash_seed = 0;         // 0: drawn at random
  std::vector<std::string> arguments;  // as given, for the manifest
  std::string help_text;
};

// Error (usage): a sentence that names the option.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

}  // namespace mxw::sensor
