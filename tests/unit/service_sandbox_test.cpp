// What each seccomp profile kills, refuses and lets through: every call is made in a process of its
// own that has given up its rights before, as the daemons do.
#include "core/service/sandbox.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <span>
#include <thread>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/service/rights.hpp"
#include "tests/unit/service_support.hpp"

namespace mxw::service {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// An action gives 0 or an errno; it is 99 when the sandbox could not be made.
using Action = int (*)();
constexpr int kNoSandbox = 99, kKilled = -SIGSYS;

int run(Profile profile, Action action) {
  Child child([&] {
    if (!give_up_rights() || !confine(profile)) return kNoSandbox;
    return action();
  });
  return child.wait();
}

int result(long returned) {
  return returned < 0 ? errno : 0;
}
template <typename... Arguments>
int call(long number, Arguments... arguments) {
  return result(::syscall(number, arguments...));
}

struct Row {
  const char* what;
  Action action;
  int map, policyd;
};

const Row kKills[] = {
    {"execve", [] { return call(SYS_execve, "/bin/true", nullptr, nullptr); }, kKilled, kKilled},
    {"execveat", [] { return call(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0); },
     kKilled, kKilled},
    {"process_vm_readv",
     [] { return call(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0); }, kKilled,
     kKilled},
    {"process_vm_writev",
     [] { return call(SYS_process_vm_writev, ::getppid(), nullptr, 0, nullptr, 0, 0); }, kKilled,
     kKilled},
    {"io_uring_setup", [] { return call(SYS_io_uring_setup, 1, nullptr); }, kKilled, kKilled},
    {"bpf", [] { return call(SYS_bpf, 0, nullptr, 0); }, kKilled, kKilled},
    {"mount", [] { return call(SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr); }, kKilled,
     kKilled},
    {"chroot", [] { return call(SYS_chroot, "/"); }, kKilled, kKilled},
    {"unshare", [] { return call(SYS_unshare, CLONE_NEWUSER); }, kKilled, kKilled},
    {"setns", [] { return call(SYS_setns, 0, 0); }, kKilled, kKilled},
    {"keyctl", [] { return call(SYS_keyctl, 0, 0, 0, 0, 0); }, kKilled, kKilled},
    {"userfaultfd", [] { return call(SYS_userfaultfd, 0); }, kKilled, kKilled},
    {"perf_event_open", [] { return call(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }, kKilled,
     kKilled},
    {"kexec_load", [] { return call(SYS_kexec_load, 0, 0, nullptr, 0); }, kKilled, kKilled},
    {"finit_module", [] { return call(SYS_finit_module, 0, "", 0); }, kKilled, kKilled},
    {"pidfd_getfd", [] { return call(SYS_pidfd_getfd, 0, 0, 0); }, kKilled, kKilled},
    {"TIOCSTI", [] { return call(SYS_ioctl, 0, TIOCSTI, "x"); }, kKilled, kKilled},
    {"TIOCSTI with high bits", [] { return call(SYS_ioctl, 0, 0x1'0000'0000UL | TIOCSTI, "x"); },
     kKilled, kKilled},
};

int open_socket(int family, int type, int protocol = 0) {
  const int fd = ::socket(family, type, protocol);
  return result(fd);
}

// EACCES, EPERM and others of the kernel itself do not count as let through here: the tests run as
// root without capabilities, for whom a raw socket is EPERM anyway.
const Row kSockets[] = {
    {"unix", [] { return open_socket(AF_UNIX, SOCK_SEQPACKET); }, 0, 0},
    {"tcp", [] { return open_socket(AF_INET, SOCK_STREAM); }, EPERM, 0},
    {"udp", [] { return open_socket(AF_INET, SOCK_DGRAM); }, EPERM, 0},
    {"tcp6", [] { return open_socket(AF_INET6, SOCK_STREAM); }, EPERM, 0},
    {"packet", [] { return open_socket(AF_PACKET, SOCK_RAW, 0x300); }, EPERM, EPERM},
    {"netlink route", [] { return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }, EPERM, 0},
    {"netlink generic", [] { return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC); }, EPERM,
     EPERM},
    {"vsock", [] { return open_socket(AF_VSOCK, SOCK_STREAM); }, EPERM, EPERM},
    {"alg", [] { return open_socket(AF_ALG, SOCK_SEQPACKET); }, EPERM, EPERM},
    {"family with high bits",
     [] { return call(SYS_socket, 0x1'0000'0000UL | AF_PACKET, SOCK_RAW, 0); }, EPERM, EPERM},
    {"family nobody has", [] { return call(SYS_socket, 200, SOCK_RAW, 0); }, EPERM, EPERM},
    {"negative family", [] { return call(SYS_socket, -1, SOCK_RAW, 0); }, EPERM, EPERM},
};

int map_memory(int protection) {
  void* const at = ::mmap(nullptr, 4'096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? errno : 0;
}

const Row kOthers[] = {
    {"fork", [] { return call(SYS_fork); }, EPERM, EPERM},
    {"vfork", [] { return call(SYS_vfork); }, EPERM, EPERM},
    {"write and run", [] { return map_memory(PROT_READ | PROT_WRITE | PROT_EXEC); }, EPERM, EPERM},
    {"mprotect to run",
     [] {
       void* const at = ::mmap(nullptr, 4'096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       return result(::mprotect(at, 4'096, PROT_READ | PROT_EXEC));
     },
     EPERM, EPERM},
    {"map to read and run", [] { return map_memory(PROT_READ | PROT_EXEC); }, 0, 0},
    {"an unknown call of a later kernel", [] { return call(4'000); }, ENOSYS, ENOSYS},
};

void expect(std::span<const Row> rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(run(Profile::map, row.action), row.map) << "map: " << row.what;
    EXPECT_EQ(run(Profile::policyd, row.action), row.policyd) << "policyd: " << row.what;
  }
}

TEST(Sandbox, KillsWhatOnlyAnIntruderDoes) {
  expect(kKills);
}

TEST(Sandbox, RefusesSocketsOfOtherFamilies) {
  expect(kSockets);
}

TEST(Sandbox, RefusesNewProcessesAndNewCode) {
  expect(kOthers);
  if (kSanitized) return;
  const Row rows[] = {
      {"ptrace", [] { return call(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }, kKilled, kKilled},
      {"clone", [] { return call(SYS_clone, SIGCHLD, 0, 0, 0, 0); }, EPERM, EPERM},
      {"clone3", [] { return call(SYS_clone3, nullptr, 0); }, ENOSYS, ENOSYS},
  };
  expect(rows);
}

// What the map does all day: the rename of a cache file, threads, timers, a TCP listener made
// before.
int day_of_a_daemon(const std::string& folder, int listener) {
  const std::string name = folder + "/cache", fresh = folder + "/cache.new";
  const int fd = ::open(fresh.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, "x", 1) != 1 || ::fsync(fd) != 0 || ::flock(fd, LOCK_EX) != 0) return 1;
  if (::rename(fresh.c_str(), name.c_str()) != 0 || ::unlink(name.c_str()) != 0) return 2;
  bool ran = false;
  std::thread([&] { ran = true; }).join();
  if (!ran) return 3;
  auto loop = EventLoop::create();
  if (!loop) return 4;
  Timer timer(**loop, [&] { (*loop)->stop(); });
  timer.start(kMillisecond);
  (*loop)->run();
  const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted < 0 || ::send(accepted, "y", 1, MSG_NOSIGNAL) != 1) return 5;
  std::vector<char> memory(64 << 20, 'm');
  return memory[1 << 20] == 'm' ? 0 : 6;
}

TEST(Sandbox, LetsADaemonWork) {
  for (const Profile profile : {Profile::map, Profile::policyd}) {
    const Folder folder;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener, at, size), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, at, &size), 0);
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(client, at, size), 0);
    Child child([&] {
      if (!give_up_rights() || !confine(profile)) return kNoSandbox;
      return day_of_a_daemon(folder.path(), listener);
    });
    EXPECT_EQ(child.wait(), 0);
    ::close(client);
    ::close(listener);
  }
}

TEST(Sandbox, HoldsForThreadsThatRunAlready) {
  Child child([] {
    if (!give_up_rights()) return kNoSandbox;
    std::atomic<int> stage = 0;
    int seen = 0;
    std::thread other([&] {
      while (stage == 0) std::this_thread::yield();
      seen = open_socket(AF_INET, SOCK_STREAM);
    });
    const bool confined = confine(Profile::map).has_value();
    stage = 1;
    other.join();
    return confined ? seen : kNoSandbox;
  });
  EXPECT_EQ(child.wait(), EPERM);
}

TEST(Sandbox, NoneIsNoSandbox) {
  EXPECT_EQ(run(Profile::none, [] { return open_socket(AF_INET, SOCK_STREAM); }), 0);
}

}  // namespace
}  // namespace mxw::service
