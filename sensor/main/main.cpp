// mxwarden-sensor: reads captures of mail traffic and says who may sit between the servers.
#include <cstdio>

#include "mxwarden_version.hpp"
#include "sensor/main/replay.hpp"

int main(int argc, char** argv) {
  constexpr int kUsage = 2;
  const auto options = mxw::sensor::parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "mxwarden-sensor: %s (--help lists the options)\n",
                 options.error().message.c_str());
    return kUsage;
  }
  if (options->help) {
    std::fputs(options->help_text.c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("mxwarden-sensor %s (%s)\n", mxw::kVersion, mxw::kCommit);
    return 0;
  }
  if (options->inputs.empty()) {
    std::fputs("mxwarden-sensor: -r FILE is missing (--help lists the options)\n", stderr);
    return kUsage;
  }
  return mxw::sensor::replay(*options);
}
