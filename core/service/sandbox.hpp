// System calls a daemon gives up once its sockets are open (seccomp).
//
// The lists name what is refused; everything else is allowed. The other way round, a list of what
// is allowed, is stricter on paper, but every update of libc, SQLite or the kernel may make a
// library use a call the list does not know, and then mail stops: that is the one thing mxwarden
// never does. What an intruder needs next is known and named: a program (execve), another process
// (ptrace, process_vm_*), a way out (sockets of other families, io_uring, which does its own calls
// behind seccomp's back), the kernel (bpf, modules, mounts, keys, userfaultfd, namespaces).
//
// Two answers: calls that no library of ours has a use for on any path kill the process, so that an
// attack is seen and the service manager restarts; those a library may try on its own (a socket of
// a family the profile does not have, scheduling of others) get EPERM and the library goes on.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"

namespace mxw::service {

enum class Profile : std::uint8_t {
  none,
  map,      // no new sockets but AF_UNIX: TCP listeners are made before; accept4 goes on
  policyd,  // AF_UNIX, AF_INET, AF_INET6; and NETLINK_ROUTE, which getaddrinfo and c-ares ask for
            // the machine's addresses
};

// Applies to all threads of the process and those to come (SECCOMP_FILTER_FLAG_TSYNC), for good.
// REQUIRES: give_up_rights() before (no_new_privs).
// Error (environment): the kernel has no seccomp or a thread has a filter of its own; nothing
// changed. The caller logs it and goes on: a missing sandbox must not stop mail.
[[nodiscard]] Result<void> confine(Profile profile);

}  // namespace mxw::service
