#include "core/service/sandbox.hpp"

#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string>

namespace mxw::service {
namespace {

// The leak checker of the address sanitizer stops the process with ptrace from a process of its
// own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// No library of ours has a use for these on any path.
constexpr int kKill[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat),
    // other processes
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),
    SCMP_SYS(process_madvise), SCMP_SYS(kcmp),
    // calls behind seccomp's back
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    // the kernel
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
    // file systems and namespaces
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(setns),
    SCMP_SYS(unshare), SCMP_SYS(open_by_handle_at), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(fanotify_init)};

// A library may try these on its own and can do without.
constexpr int kRefuse[] = {
    SCMP_SYS(fork),          SCMP_SYS(vfork),         SCMP_SYS(personality),
    SCMP_SYS(settimeofday),  SCMP_SYS(clock_settime), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(syslog),        SCMP_SYS(vhangup),
    SCMP_SYS(mknod),         SCMP_SYS(mknodat),       SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages)};

constexpr std::uint32_t kEperm = SCMP_ACT_ERRNO(EPERM);

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {}
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void deny(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    if (error_ != 0) return;
    error_ = context_ == nullptr ? -ENOMEM
                                 : seccomp_rule_add_array(context_, action, call,
                                                          static_cast<unsigned>(conditions.size()),
                                                          conditions.begin());
    if (error_ == -EDOM) error_ = 0;  // this machine does not have the call
  }

  // 0, or a negative errno.
  int load() {
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set(SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) (void)seccomp_attr_set(context_, SCMP_FLTATR_CTL_LOG, 1);  // old kernels
    return error_ != 0 ? error_ : seccomp_load(context_);
  }

 private:
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(context_, attribute, value);
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

void deny_common(Filter& filter) {
  for (const int call : kKill) filter.deny(SCMP_ACT_KILL_PROCESS, call);
  for (const int call : kRefuse) filter.deny(kEperm, call);
  // Input typed into a terminal that started us; the kernel takes 32 bits of the number.
  filter.deny(SCMP_ACT_KILL_PROCESS, SCMP_SYS(ioctl),
              {{1, SCMP_CMP_MASKED_EQ, 0xffff'ffff, TIOCSTI}});
  // Memory that is written and then run.
  filter.deny(kEperm, SCMP_SYS(mmap),
              {{2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC}});
  filter.deny(kEperm, SCMP_SYS(mprotect), {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC}});
  filter.deny(kEperm, SCMP_SYS(pkey_mprotect), {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC}});
  if (kSanitized) return;
  filter.deny(SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace));
  // Threads yes, processes no. The flags of clone3 cannot be seen; libc falls back to clone.
  filter.deny(kEperm, SCMP_SYS(clone), {{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0}});
  filter.deny(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
}

void deny_sockets(Filter& filter, Profile profile) {
  // All 64 bits are compared: a family with high bits set, which the kernel would cut off, is none
  // of those allowed.
  if (profile == Profile::map) {
    filter.deny(kEperm, SCMP_SYS(socket), {{0, SCMP_CMP_NE, AF_UNIX, 0}});
    return;
  }
  constexpr unsigned kFamilies = 64;  // AF_MAX is 46
  for (unsigned family = 0; family < kFamilies; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
    if (family == AF_NETLINK) {
      filter.deny(kEperm, SCMP_SYS(socket),
                  {{0, SCMP_CMP_EQ, family, 0}, {2, SCMP_CMP_NE, NETLINK_ROUTE, 0}});
    } else {
      filter.deny(kEperm, SCMP_SYS(socket), {{0, SCMP_CMP_EQ, family, 0}});
    }
  }
  filter.deny(kEperm, SCMP_SYS(socket), {{0, SCMP_CMP_GE, kFamilies, 0}});
}

}  // namespace

Result<void> confine(Profile profile) {
  if (profile == Profile::none) return {};
  Filter filter;
  deny_common(filter);
  deny_sockets(filter, profile);
  const int error = filter.load();
  if (error == 0) return {};
  return fail(ErrorKind::environment, std::string("seccomp: ") + std::strerror(-error));
}

}  // namespace mxw::service
