#include "core/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace mxw {

void panic(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "mxwarden: internal error: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace mxw
