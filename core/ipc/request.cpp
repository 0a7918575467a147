#include "core/ipc/request.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/event_loop.hpp"
#include "core/ipc/connect.hpp"

namespace mxw::ipc {
namespace {

class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ns) : end_(EventLoop::now() + timeout_ns) {}

  // Whether the descriptor (or, with -1, some milliseconds) came before the end.
  [[nodiscard]] bool wait(int fd, short events, std::int64_t most_ms = 60'000) const {
    const std::int64_t left = (end_ - EventLoop::now() + kMillisecond - 1) / kMillisecond;
    if (left <= 0) return false;
    pollfd waiting{fd, events, 0};
    ::poll(&waiting, 1, static_cast<int>(std::min(left, most_ms)));
    return true;
  }

 private:
  std::int64_t end_;
};

std::unexpected<Error> trouble(const std::string& path, const std::string& what) {
  return fail(ErrorKind::environment, path + ": " + what);
}

// A full backlog is waited for; nothing tells when it has room again.
Result<Fd> connect_in_time(const std::string& path, const Deadline& deadline) {
  for (;;) {
    auto fd = connect_unix(path, SocketType::seqpacket);
    if (fd) return std::move(*fd);
    const int code = fd.error().code;
    if (code == ENAMETOOLONG) return fail(ErrorKind::usage, fd.error().message);
    if (code != EAGAIN && code != EINTR) return fail(ErrorKind::environment, fd.error().message);
    if (!deadline.wait(-1, 0, 20)) return trouble(path, "busy for too long");
  }
}

}  // namespace

Result<std::string> request(const std::string& path, std::string_view message,
                            std::int64_t timeout_ns, std::size_t most) {
  if (message.empty() || message.size() > most)
    return fail(ErrorKind::usage, path + ": a message of " + std::to_string(message.size()) +
                                      " octets, at most " + std::to_string(most));
  const Deadline deadline(timeout_ns);
  const auto fd = connect_in_time(path, deadline);
  if (!fd) return std::unexpected(fd.error());
  while (::send(fd->get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET)
      return trouble(path, "closed the connection: not allowed there, or it has too many");
    if (errno != EAGAIN && errno != EINTR) return trouble(path, std::strerror(errno));
    if (!deadline.wait(fd->get(), POLLOUT))
      return trouble(path, "did not take the message in time");
  }
  std::string answer(kAnswerBytes + 1, '\0');
  for (;;) {
    const ssize_t count = ::recv(fd->get(), answer.data(), answer.size(), 0);
    if (count > 0) {
      answer.resize(static_cast<std::size_t>(count));
      if (answer.size() > kAnswerBytes) return trouble(path, "an answer over the limit");
      return answer;
    }
    if (count == 0 || errno == ECONNRESET)
      return trouble(path, "closed the connection: not allowed there, or it has too many");
    if (errno != EAGAIN && errno != EINTR) return trouble(path, std::strerror(errno));
    if (!deadline.wait(fd->get(), POLLIN)) return trouble(path, "no answer in time");
  }
}

}  // namespace mxw::ipc
