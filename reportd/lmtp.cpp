#include "reportd/lmtp.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <unordered_map>
#include <utility>

#include "core/base/fd.hpp"
#include "core/ipc/acceptor.hpp"
#include "reportd/lmtp_dialogue.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kReadBytes = 16'384;

}  // namespace

class LmtpServer::Session {
 public:
  Session(State& state, Fd fd);
  ~Session() { hang_up(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] bool start();
  void hang_up();

 private:
  void time_out();
  void on_events(std::uint32_t events);
  void read_some();
  void flush();

  State& state_;
  Fd fd_;
  Timer idle_, end_;
  LmtpDialogue dialogue_;
};

struct LmtpServer::State {
  State(EventLoop& in, LmtpShared with)
      : loop(in), shared(std::move(with)), bury(in, [this] { gone.clear(); }) {}

  void welcome(Fd fd);
  void close(Session& session);

  EventLoop& loop;
  LmtpShared shared;
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions;
  std::vector<std::unique_ptr<Session>> gone;  // closed, perhaps still running
  Timer bury;
  std::unique_ptr<ipc::Acceptor> acceptor;
};

LmtpServer::Session::Session(State& state, Fd fd)
    : state_(state),
      fd_(std::move(fd)),
      idle_(state.loop, [this] { time_out(); }),
      end_(state.loop, [this] { time_out(); }),
      dialogue_(state.shared) {}

bool LmtpServer::Session::start() {
  auto added =
      state_.loop.add(fd_.get(), EPOLLIN, [this](std::uint32_t events) { on_events(events); });
  if (!added) return false;
  idle_.start(state_.shared.limits.idle_ns);
  end_.start(state_.shared.limits.session_ns);
  flush();
  return true;
}

void LmtpServer::Session::hang_up() {
  if (fd_) state_.loop.remove(fd_.get());
  fd_.reset();
  idle_.stop();
  end_.stop();
}

void LmtpServer::Session::time_out() {
  dialogue_.time_out();
  flush();
  state_.close(*this);
}

void LmtpServer::Session::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (fd_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
  if (!fd_) return;
  dialogue_.work();
  flush();
}

void LmtpServer::Session::read_some() {
  std::array<char, kReadBytes> buffer{};
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return state_.close(*this);
  idle_.start(state_.shared.limits.idle_ns);
  dialogue_.feed({buffer.data(), static_cast<std::size_t>(count)});
}

void LmtpServer::Session::flush() {
  std::string& out = dialogue_.answers();
  while (fd_ && !out.empty()) {
    const ssize_t count = ::send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return state_.close(*this);
    out.erase(0, static_cast<std::size_t>(count));
  }
  if (!fd_) return;
  if (out.empty() && dialogue_.ended()) return state_.close(*this);
  const bool reads = out.size() < LmtpDialogue::kUnsentBytes;
  const std::uint32_t reading = reads ? std::uint32_t{EPOLLIN} : 0U;
  state_.loop.modify(fd_.get(), out.empty() ? reading : reading | EPOLLOUT);
}

void LmtpServer::State::welcome(Fd fd) {
  ++shared.counters.connections;
  auto session = std::make_unique<Session>(*this, std::move(fd));
  Session* const key = session.get();
  sessions.emplace(key, std::move(session));
  if (!key->start()) close(*key);
}

void LmtpServer::State::close(Session& session) {
  const auto at = sessions.find(&session);
  if (at == sessions.end()) return;
  session.hang_up();
  gone.push_back(std::move(at->second));
  sessions.erase(at);
  bury.start(0);
}

LmtpServer::LmtpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
LmtpServer::~LmtpServer() = default;

Result<std::unique_ptr<LmtpServer>> LmtpServer::create(EventLoop& loop, int listen_fd,
                                                       ipc::PeerCheck peers, std::string hello,
                                                       LmtpHandler handler, LmtpLimits limits) {
  auto state = std::make_unique<State>(loop, LmtpShared{.hello = std::move(hello),
                                                        .handler = std::move(handler),
                                                        .limits = limits,
                                                        .counters = {}});
  State* const self = state.get();
  auto acceptor = ipc::Acceptor::create(
      loop, listen_fd, std::move(peers),
      [self] { return self->sessions.size() < self->shared.limits.connections; },
      [self](Fd fd, const ipc::Credentials&) { self->welcome(std::move(fd)); });
  if (!acceptor) return std::unexpected(std::move(acceptor.error()));
  state->acceptor = std::move(*acceptor);
  return std::unique_ptr<LmtpServer>(new LmtpServer(std::move(state)));
}

const LmtpCounters& LmtpServer::counters() const {
  return state_->shared.counters;
}

std::uint64_t LmtpServer::turned_away() const {
  const auto& counted = state_->acceptor->counters();
  return counted.refused + counted.full;
}

}  // namespace mxw::reportd
