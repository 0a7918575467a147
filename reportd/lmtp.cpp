#include "reportd/lmtp.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/base/fd.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/acceptor.hpp"
#include "core/mail/name.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kReadBytes = 16'384;
constexpr std::size_t kUnsentBytes = 65'536;  // then nothing more is read until they are
constexpr std::string_view kEnd = "\r\n.\r\n";

// Section 4.5.2 of RFC 5321, backwards.
std::string without_dots(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  while (!data.empty()) {
    const std::size_t end = data.find("\r\n");
    const std::size_t size = end == std::string_view::npos ? data.size() : end + 2;
    std::string_view line = data.substr(0, size);
    data.remove_prefix(size);
    if (line.starts_with('.')) line.remove_prefix(1);
    out += line;
  }
  return out;
}

std::string mailbox(const mail::Path& path) {
  return path.domain.empty() ? path.local : path.local + '@' + path.domain;
}

// `FROM:` or `TO:`, whatever the case; what follows it.
std::optional<std::string_view> behind(std::string_view argument, std::string_view word) {
  if (!ascii::istarts_with(argument, word)) return std::nullopt;
  return argument.substr(word.size());
}

std::string_view answer_of(LmtpVerdict verdict) {
  switch (verdict) {
    case LmtpVerdict::taken:
      return "250 2.0.0 taken";
    case LmtpVerdict::try_again:
      return "451 4.3.0 try again later";
    case LmtpVerdict::refused:
      break;
  }
  return "550 5.7.1 refused";
}

}  // namespace

struct LmtpServer::State {
  State(EventLoop& in, std::string name, LmtpHandler with, const LmtpLimits& within)
      : loop(in),
        hello(std::move(name)),
        handler(std::move(with)),
        limits(within),
        bury(in, [this] { gone.clear(); }) {}

  void welcome(Fd fd);
  void close(Session& session);

  EventLoop& loop;
  std::string hello;
  LmtpHandler handler;
  LmtpLimits limits;
  LmtpCounters counters;
  std::size_t held_bytes = 0;  // of all messages being received
  std::unordered_map<Session*, std::unique_ptr<Session>> sessions;
  std::vector<std::unique_ptr<Session>> gone;  // closed, perhaps still running
  Timer bury;
  std::unique_ptr<ipc::Acceptor> acceptor;
};

class LmtpServer::Session {
 public:
  Session(State& state, Fd fd)
      : state_(state),
        fd_(std::move(fd)),
        idle_(state.loop, [this] { time_out(); }),
        end_(state.loop, [this] { time_out(); }) {}
  ~Session() { hang_up(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool start() {
    auto added =
        state_.loop.add(fd_.get(), EPOLLIN, [this](std::uint32_t events) { on_events(events); });
    if (!added) return false;
    idle_.start(state_.limits.idle_ns);
    end_.start(state_.limits.session_ns);
    answer("220 " + state_.hello + " LMTP");
    flush();
    return true;
  }

  void hang_up() {
    if (fd_) state_.loop.remove(fd_.get());
    fd_.reset();
    idle_.stop();
    end_.stop();
    drop_data();
  }

 private:
  void time_out() {
    ++state_.counters.timeouts;
    answer("421 4.4.2 " + state_.hello + " timeout");
    flush();
    state_.close(*this);
  }

  void on_events(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) flush();
    if (fd_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
    if (fd_) work();
  }

  void read_some() {
    std::array<char, kReadBytes> buffer{};
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return state_.close(*this);
    idle_.start(state_.limits.idle_ns);
    in_.append(buffer.data(), static_cast<std::size_t>(count));
  }

  // Everything there is, until answers wait to be read.
  void work() {
    while (fd_ && !ending_ && out_.size() < kUnsentBytes &&
           (in_data_ ? take_data() : take_line())) {
    }
    if (fd_) flush();
  }

  void answer(std::string_view text) {
    out_ += text;
    out_ += "\r\n";
  }

  void flush() {
    while (fd_ && !out_.empty()) {
      const ssize_t count = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) break;
      if (count < 0) return state_.close(*this);
      out_.erase(0, static_cast<std::size_t>(count));
    }
    if (!fd_) return;
    if (out_.empty() && ending_) return state_.close(*this);
    const std::uint32_t reading = out_.size() < kUnsentBytes ? std::uint32_t{EPOLLIN} : 0U;
    state_.loop.modify(fd_.get(), out_.empty() ? reading : reading | EPOLLOUT);
  }

  // Commands. True: there may be more to do.

  bool take_line() {
    const std::size_t end = in_.find('\n');
    if (end == std::string::npos) {
      if (in_.size() <= limits::kSmtpLineBytes) return false;
      passing_over_ = true;
      in_.clear();
      return false;
    }
    std::string line = in_.substr(0, end);
    in_.erase(0, end + 1);
    if (line.ends_with('\r')) line.pop_back();
    if (std::exchange(passing_over_, false) || line.size() > limits::kSmtpLineBytes) {
      bad("500 5.5.2 line too long");
    } else {
      command(line);
    }
    return true;
  }

  void command(const std::string& line) {
    const auto [verb, argument] = ascii::split_word(line);
    if (ascii::iequals(verb, "LHLO")) return hello(argument);
    if (ascii::iequals(verb, "MAIL")) return mail_from(argument);
    if (ascii::iequals(verb, "RCPT")) return rcpt_to(argument);
    if (ascii::iequals(verb, "DATA")) return data();
    if (ascii::iequals(verb, "RSET")) {
      reset();
      return answer("250 2.0.0 reset");
    }
    if (ascii::iequals(verb, "NOOP")) return answer("250 2.0.0 still here");
    if (ascii::iequals(verb, "VRFY")) return answer("252 2.0.0 not told");
    if (ascii::iequals(verb, "QUIT")) {
      ending_ = true;
      return answer("221 2.0.0 bye");
    }
    bad("500 5.5.1 no such command");
  }

  void hello(std::string_view argument) {
    if (argument.empty()) return bad("501 5.5.4 LHLO needs a name");
    greeted_ = true;
    reset();
    answer("250-" + state_.hello);
    answer("250-PIPELINING");
    answer("250-8BITMIME");
    answer("250-ENHANCEDSTATUSCODES");
    answer("250 SIZE " + std::to_string(state_.limits.message_bytes));
  }

  void mail_from(std::string_view argument) {
    if (!greeted_ || mail_) return bad("503 5.5.1 not now");
    const auto from = behind(argument, "FROM:");
    const auto path = from ? mail::parse_path(*from) : std::nullopt;
    if (!path) return bad("501 5.5.4 no sender");
    mail_.emplace();
    if (!path->null_sender) mail_->sender = mailbox(*path);
    answer("250 2.1.0 sender ok");
  }

  void rcpt_to(std::string_view argument) {
    if (!mail_) return bad("503 5.5.1 not now");
    if (mail_->recipients.size() == state_.limits.recipients)
      return answer("452 4.5.3 too many recipients");
    const auto to = behind(argument, "TO:");
    const auto path = to ? mail::parse_path(*to) : std::nullopt;
    if (!path || path->null_sender) return bad("501 5.5.4 no recipient");
    std::string name = mailbox(*path);
    if (!state_.handler.known(name)) {
      ++state_.counters.unknown;
      return answer("550 5.1.1 no such mailbox");
    }
    mail_->recipients.push_back(std::move(name));
    answer("250 2.1.5 recipient ok");
  }

  void data() {
    // RFC 2033 section 4.2: without a recipient there is nobody to answer for.
    if (!mail_ || mail_->recipients.empty()) return bad("503 5.5.1 no recipients");
    in_data_ = true;
    tail_ = "\r\n";
    answer("354 go on");
  }

  void bad(std::string_view text) {
    ++state_.counters.bad_commands;
    if (++errors_ < state_.limits.errors) return answer(text);
    answer("421 4.7.0 too many bad commands");
    ending_ = true;
  }

  void reset() {
    mail_.reset();
    drop_data();
  }

  // The message.

  void drop_data() {
    state_.held_bytes -= data_.size();
    data_ = {};
    too_large_ = too_busy_ = false;
  }

  // Only CRLF, a dot and CRLF end a message: nothing else is taken for a line end.
  bool take_data() {
    if (in_.empty()) return false;
    const std::string seen = tail_ + in_;
    const std::size_t end = seen.find(kEnd);
    if (end == std::string::npos) {
      keep(in_);
      tail_ = seen.substr(seen.size() - std::min(seen.size(), kEnd.size() - 1));
      in_.clear();
      return false;
    }
    // What is kept begins behind the first tail and ends with the CRLF before the dot.
    const std::size_t used = end + kEnd.size() - tail_.size();
    keep(std::string_view(in_).substr(0, used));
    in_.erase(0, used);
    in_data_ = false;
    finish();
    return true;
  }

  void keep(std::string_view octets) {
    too_large_ = too_large_ || octets.size() > state_.limits.message_bytes - data_.size();
    too_busy_ = too_busy_ || octets.size() > state_.limits.all_bytes - state_.held_bytes;
    if (too_large_ || too_busy_) {
      const bool large = too_large_, busy = too_busy_;
      drop_data();
      too_large_ = large;
      too_busy_ = busy;
      return;
    }
    data_ += octets;
    state_.held_bytes += octets.size();
  }

  void finish() {
    const std::size_t count = mail_->recipients.size();
    if (too_large_ || too_busy_) {
      ++(too_large_ ? state_.counters.too_large : state_.counters.too_busy);
      for (std::size_t i = 0; i < count; ++i)
        answer(too_large_ ? "552 5.3.4 too large" : "452 4.3.1 too busy");
      return reset();
    }
    ++state_.counters.messages;
    mail_->message = without_dots(std::string_view(data_).substr(0, data_.size() - 3));
    const std::vector<LmtpVerdict> verdicts = state_.handler.take(*mail_);
    MXW_CHECK(verdicts.size() == count);
    for (const LmtpVerdict verdict : verdicts) answer(answer_of(verdict));
    reset();
  }

  State& state_;
  Fd fd_;
  Timer idle_, end_;
  std::string in_, out_;
  bool passing_over_ = false;  // a line without end
  bool greeted_ = false;
  bool ending_ = false;  // nothing more is read; closed once all is said
  std::size_t errors_ = 0;
  std::optional<LmtpMail> mail_;  // since MAIL
  bool in_data_ = false;
  std::string data_;  // as received
  std::string tail_;  // the last octets before in_, where the end may have begun
  bool too_large_ = false, too_busy_ = false;
};

void LmtpServer::State::welcome(Fd fd) {
  ++counters.connections;
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
  auto state = std::make_unique<State>(loop, std::move(hello), std::move(handler), limits);
  State* const self = state.get();
  auto acceptor = ipc::Acceptor::create(
      loop, listen_fd, std::move(peers),
      [self] { return self->sessions.size() < self->limits.connections; },
      [self](Fd fd, const ipc::Credentials&) { self->welcome(std::move(fd)); });
  if (!acceptor) return std::unexpected(std::move(acceptor.error()));
  state->acceptor = std::move(*acceptor);
  return std::unique_ptr<LmtpServer>(new LmtpServer(std::move(state)));
}

const LmtpCounters& LmtpServer::counters() const {
  return state_->counters;
}

std::uint64_t LmtpServer::turned_away() const {
  const auto& counted = state_->acceptor->counters();
  return counted.refused + counted.full;
}

}  // namespace mxw::reportd
