// Prints docs/config.md or packaging/mxwarden.toml, made from the option table.
#include <cstdio>
#include <string_view>

#include "core/config/load.hpp"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "docs") {
    std::fputs(mxw::config::documentation().c_str(), stdout);
  } else if (what == "file") {
    std::fputs(mxw::config::shipped_file().c_str(), stdout);
  } else {
    std::fputs("usage: config_doc docs|file\n", stderr);
    return 2;
  }
  return 0;
}
