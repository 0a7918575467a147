#include "core/service/rights.hpp"

#include <cap-ng.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace mxw::service {
namespace {

std::unexpected<Error> refused(const char* what) {
  return fail(ErrorKind::environment, std::string(what) + ": " + std::strerror(errno));
}

Result<void> drop_capabilities() {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return refused("cannot clear the ambient capabilities");
  }
  // Only who has CAP_SETPCAP may, and need, empty the bounding set: no_new_privs holds for the
  // rest.
  const bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
  const bool any = capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE;
  capng_clear(CAPNG_SELECT_BOTH);
  if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) != 0) {
    return refused("cannot empty the bounding set of capabilities");
  }
  // A manager may have taken them, and capset(2) with them.
  if (any && capng_apply(CAPNG_SELECT_CAPS) != 0) return refused("cannot drop the capabilities");
  return {};
}

}  // namespace

Result<void> give_up_rights() {
  ::umask(S_IRWXG | S_IRWXO);
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return refused("cannot forbid core dumps");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("cannot forbid tracing");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("cannot set no_new_privs");
  return drop_capabilities();
}

}  // namespace mxw::service
