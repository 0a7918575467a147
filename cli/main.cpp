// mxwarden: the operator's tool.
#include <cstdio>
#include <string_view>

#include "cli/verify.hpp"
#include "mxwarden_version.hpp"

namespace {

constexpr char kHelp[] =
    "usage: mxwarden verify CASE.json\n"
    "       mxwarden --version | --help\n"
    "\n"
    "verify  runs the case that mxwarden-sensor --manifest recorded again and says whether the "
    "result\n"
    "        is identical, or what differs. Inputs are looked for by name beside CASE.json, then "
    "by\n"
    "        their recorded path, and must have the recorded SHA-256.\n"
    "\n"
    "Exit: 0 identical; 1 different; 2 usage, or a file that is no case; 3 inputs missing or "
    "changed;\n"
    "4 temporary trouble\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "--help" || command == "-h") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (command == "--version") {
    std::printf("mxwarden %s (%s)\n", mxw::kVersion, mxw::kCommit);
    return 0;
  }
  if (command == "verify" && argc == 3) return mxw::cli::verify(argv[2]);
  std::fputs("mxwarden: verify CASE.json is expected (--help tells more)\n", stderr);
  return mxw::cli::kUsage;
}
