#include "cli/arguments.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <string_view>

namespace mxw::cli {
namespace {

namespace po = boost::program_options;

enum class Use : std::uint8_t { input, file, value, flag, result };

struct Known {
  const char* name;
  Use use;
};

// The options of mxwarden-sensor. `result` says where and how the result is written: replaced.
// tests/checks/verify_test.py compares this table with `mxwarden-sensor --help`.
constexpr std::array kKnown = std::to_array<Known>({
    {"read,r", Use::input},     {"policies", Use::file}, {"rules", Use::file},
    {"overrides", Use::file},   {"mx-map", Use::file},   {"ca-file", Use::file},
    {"privacy-key", Use::file}, {"own", Use::value},     {"mta", Use::value},
    {"resolver", Use::value},   {"filter", Use::value},  {"fail-on", Use::value},
    {"privacy", Use::value},    {"why", Use::value},     {"sensor-name", Use::value},
    {"hash-seed", Use::value},  {"separate", Use::flag}, {"json", Use::flag},
    {"format", Use::result},    {"output", Use::result}, {"manifest", Use::result},
    {"version", Use::flag},     {"help,h", Use::flag},
});

Use use_of(std::string_view name) {
  const auto* const at = std::find_if(kKnown.begin(), kKnown.end(), [name](const Known& known) {
    const std::string_view listed = known.name;
    return listed.substr(0, listed.find(',')) == name;
  });
  return at != kKnown.end() ? at->use : Use::value;
}

po::options_description describe() {
  po::options_description all;
  for (const Known& known : kKnown) {
    if (known.use == Use::flag)
      all.add_options()(known.name, "");
    else
      all.add_options()(known.name, po::value<std::vector<std::string>>()->composing(), "");
  }
  return all;
}

void add(const po::basic_option<char>& option, Arguments& out) {
  const Use use = use_of(option.string_key);
  if (use == Use::result || option.string_key == "json") return;
  if (use == Use::flag) {
    out.options.push_back({option.string_key, "", false, false});
    return;
  }
  for (const std::string& value : option.value) {
    if (use == Use::input) {
      out.inputs.push_back(value);
      continue;
    }
    if (use == Use::file) out.files.push_back(value);
    out.options.push_back({option.string_key, value, use == Use::file, true});
  }
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& given) {
  const po::options_description all = describe();
  po::positional_options_description rest;
  rest.add("read", -1);
  Arguments out;
  try {
    const po::parsed_options parsed =
        po::command_line_parser(given).options(all).positional(rest).run();
    for (const po::basic_option<char>& option : parsed.options) add(option, out);
  } catch (const po::error& e) {
    return fail(ErrorKind::usage,
                std::string("the recorded arguments are not understood: ") + e.what());
  }
  return out;
}

}  // namespace mxw::cli
