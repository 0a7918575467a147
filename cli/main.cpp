// mxwarden: the operator's tool.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/verb.hpp"
#include "mxwarden_version.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "--version") {
    std::printf("mxwarden %s (%s)\n", mxw::kVersion, mxw::kCommit);
    return 0;
  }
  return mxw::cli::run_verb(arguments);
}
