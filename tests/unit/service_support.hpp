// A function run in a process of its own, a folder of its own, a socket to listen at: what the
// tests of core/service share.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mxw::service {

// A child that runs `body` and ends with what it gives; stdout and stderr are kept. Killed when the
// test forgets it.
class Child {
 public:
  explicit Child(const std::function<int()>& body) {
    std::array<int, 2> out{};
    EXPECT_EQ(::pipe(out.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(out[1], STDERR_FILENO);
      ::close(out[0]);
      ::close(out[1]);
      const int code = body();
      std::fflush(stdout);
      ::_exit(code);
    }
    ::close(out[1]);
    output_ = out[0];
  }
  ~Child() {
    if (!status_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  // What it printed until it ended (or 20 s passed).
  std::string output() {
    std::string text;
    std::array<char, 4'096> octets{};
    pollfd one{output_, POLLIN, 0};
    while (::poll(&one, 1, 20'000) > 0) {
      const ssize_t got = ::read(output_, octets.data(), octets.size());
      if (got <= 0) break;
      text.append(octets.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  // The exit code, or minus the signal.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    status_ = status;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::optional<int> status_;
};

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "mxw_service_XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(std::string_view name = "") const {
    return name.empty() ? path_ : path_ + '/' + std::string(name);
  }

 private:
  std::string path_;
};

inline int unix_socket(int type, const std::string& path, bool listens) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  if (listens) {
    EXPECT_EQ(::bind(fd, at, sizeof address), 0) << path;
    if ((type & 0xff) == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd, 64), 0);
    }
  } else {
    EXPECT_EQ(::connect(fd, at, sizeof address), 0) << path;
  }
  return fd;
}

// What a service manager hears on NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path)
      : path_(path), fd_(unix_socket(SOCK_DGRAM, path, true)) {}
  ~Manager() { ::close(fd_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // The next message; empty after 10 s without one.
  std::string heard() {
    pollfd one{fd_, POLLIN, 0};
    if (::poll(&one, 1, 10'000) <= 0) return {};
    std::array<char, 4'096> octets{};
    std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{octets.data(), octets.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
    received_ = message.msg_controllen > 0;
    if (received_) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
      ::close(fd);
    }
    return got > 0 ? std::string(octets.data(), static_cast<std::size_t>(got)) : std::string();
  }
  // The next message that is not a sign of life.
  std::string news() {
    std::string message = heard();
    while (message == "WATCHDOG=1") message = heard();
    return message;
  }
  [[nodiscard]] bool received_descriptor() const { return received_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
  bool received_ = false;
};

}  // namespace mxw::service
