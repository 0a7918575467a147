#include "cli/complain.hpp"

#include <cstdio>

namespace mxw::cli {

int complain(const std::string& message, int code) {
  std::fprintf(stderr, "mxwarden: %s\n", message.c_str());
  return code;
}

int complain(const Error& error) {
  switch (error.kind) {
    case ErrorKind::usage:
      return complain(error.message, kUsage);
    case ErrorKind::input:
      return complain(error.message, kInputs);
    case ErrorKind::environment:
      break;
  }
  return complain(error.message, kTrouble);
}

void warn(const std::string& message) {
  std::fprintf(stderr, "mxwarden: warning: %s\n", message.c_str());
}

}  // namespace mxw::cli
