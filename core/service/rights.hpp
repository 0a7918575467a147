// Rights a daemon gives up at its start, before it reads anything from outside.
#pragma once

#include "core/base/result.hpp"

namespace mxw::service {

// For the whole process, for good: no_new_privs, every capability out of all sets (also when
// started as root), umask 077, no core dump (RLIMIT_CORE 0) and no ptrace by its own user
// (PR_SET_DUMPABLE 0). REQUIRES: no thread but this one: capabilities belong to threads.
// Error (environment): the kernel refused one; what came before it stays in force.
[[nodiscard]] Result<void> give_up_rights();

}  // namespace mxw::service
