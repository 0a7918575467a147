// What the tests of core/ipc and core/feed share: a directory that other users reach too, a loop
// that ends, and children that are another user.
#pragma once

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/fd.hpp"

namespace mxw {

class SocketDirectory {
 public:
  SocketDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mxw-ipc-XXXXXX").string();
    if (mkdtemp(pattern.data())) path_ = pattern;
    ::chmod(path_.c_str(), 0755);
  }
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;
  ~SocketDirectory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

class LoopTest : public testing::Test {
 protected:
  LoopTest() : loop(std::move(EventLoop::create().value())) {}

  // Runs the loop until `done` holds; asked every millisecond, for 20 s at most.
  void run_until(const std::function<bool()>& done) {
    const std::int64_t end = EventLoop::now() + 20 * kSecond;
    Timer* self = nullptr;
    Timer tick(*loop, [&] {
      if (done()) return loop->stop();
      if (EventLoop::now() < end) return self->start(kMillisecond);
      ADD_FAILURE() << "what is waited for does not come";
      loop->stop();
    });
    self = &tick;
    tick.start(0);
    loop->run();
  }
  void run_for(std::int64_t ns) {
    const std::int64_t end = EventLoop::now() + ns;
    run_until([end] { return EventLoop::now() >= end; });
  }

  SocketDirectory directory;
  std::unique_ptr<EventLoop> loop;
};

// The exit status of `work` in a child with that user, group and supplementary groups.
class OtherUser {
 public:
  OtherUser(uid_t uid, gid_t gid, const std::vector<gid_t>& groups,
            const std::function<int()>& work) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)
      ::_exit(99);
    ::_exit(work());
  }
  ~OtherUser() {
    if (!ended_ && pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }
  OtherUser(const OtherUser&) = delete;
  OtherUser& operator=(const OtherUser&) = delete;

  [[nodiscard]] bool ended() {
    int status = 0;
    if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    }
    return ended_;
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  int code_ = -1;
};

}  // namespace mxw
