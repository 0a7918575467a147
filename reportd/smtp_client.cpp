#include "reportd/smtp_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/ascii.hpp"
#include "core/base/fd.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/line_stream.hpp"
#include "core/mail/reply_code.hpp"

namespace mxw::reportd {
namespace {

using Outcome = Attempt::Outcome;

constexpr std::size_t kMailboxBytes = 254;  // a path of RFC 5321 section 4.5.3.1.3
constexpr std::size_t kReadBytes = 4'096;

// What a stranger said, for people.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, limits::kSmtpTextBytes));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

// Nothing that could end a command or its argument.
bool is_mailbox(std::string_view text) {
  return text.size() <= kMailboxBytes && text.find('@') != std::string_view::npos &&
         std::ranges::all_of(text,
                             [](char c) { return c > ' ' && c < '\x7f' && c != '<' && c != '>'; });
}

// One reply (section 4.2), collected line by line.
struct Reply {
  unsigned code = 0;
  std::string text;                // of the last line
  std::vector<std::string> lines;  // behind the codes
  bool last = false, bad = false;

  void add(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto number = ascii::parse_u64(line.substr(0, 3));
    const char mark = line.size() > 3 ? line[3] : ' ';
    bad = line.size() < 3 || !number || *number < 200 || *number > 599 ||
          (code != 0 && code != *number) || (mark != ' ' && mark != '-') ||
          lines.size() == limits::kSmtpReplyLines;
    if (bad) return;
    code = static_cast<unsigned>(*number);
    last = mark == ' ';
    lines.emplace_back(line.size() > 4 ? line.substr(4) : std::string_view{});
    text = printable(line);
  }
};

Fd socket_to(const ipc::Address& address, bool& connecting) {
  const int family = address.kind == ipc::Address::Kind::unix_path ? AF_UNIX
                     : address.kind == ipc::Address::Kind::inet    ? AF_INET
                                                                   : AF_INET6;
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const ipc::SystemAddress system = ipc::system_address(address);
  if (!fd) return fd;
  if (::connect(fd.get(), system.get(), system.length) == 0) return fd;
  connecting = errno == EINPROGRESS;
  if (!connecting) fd.reset();
  return fd;
}

}  // namespace

ipc::Address default_server() {
  ipc::Address address;
  address.kind = ipc::Address::Kind::inet;
  address.ip = IpAddress::parse("127.0.0.1").value_or(IpAddress{});
  address.port = 25;
  return address;
}

std::string dot_stuffed(const std::string& message) {
  std::string out;
  out.reserve(message.size() + 64);
  bool line_begins = true;
  for (const char c : message) {
    if (line_begins && c == '.') out += '.';
    out += c;
    line_begins = c == '\n';
  }
  return out += ".\r\n";
}

struct SmtpClient::State {
  State(EventLoop& in, SmtpConfig with)
      : loop(in),
        config(std::move(with)),
        reap(in, [this] { tell_finished(); }),
        alive(std::make_shared<bool>(true)) {}

  void tell_finished();

  EventLoop& loop;
  SmtpConfig config;
  std::vector<std::unique_ptr<Session>> sessions, finished;
  Timer reap;
  std::shared_ptr<bool> alive;  // false once destroyed, for the callback that did it
};

// One connection and its one mail.
class SmtpClient::Session {
 public:
  Session(State& state, Mail mail, Done done)
      : state_(state),
        mail_(std::move(mail)),
        done_(std::move(done)),
        timer_(state.loop, [this] { lost("no answer in time"); }),
        replies_(limits::kSmtpLineBytes) {}
  ~Session() { hang_up(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() {
    if (!is_mailbox(mail_.sender) || !is_mailbox(mail_.recipient))
      return finish(Outcome::refused, "no mailbox SMTP can name");
    bool connecting = false;
    fd_ = socket_to(state_.config.server, connecting);
    if (!fd_)
      return finish(Outcome::retry,
                    "connect to " + state_.config.server.text() + ": " + std::strerror(errno));
    step_ = connecting ? Step::connecting : Step::greeting;
    auto added = state_.loop.add(fd_.get(), connecting ? EPOLLOUT : EPOLLIN,
                                 [this](std::uint32_t events) { on_events(events); });
    if (!added) return finish(Outcome::retry, added.error().message);
    wait(5);
  }
  void tell() { done_(result_); }
  [[nodiscard]] bool is(const Session* other) const { return this == other; }

 private:
  enum class Step : std::uint8_t {
    connecting,
    greeting,
    hello,
    sender,
    recipient,
    data,
    message,  // being sent
    dot,      // sent
    ended,
  };

  void wait(std::int64_t minutes) { timer_.start(minutes * state_.config.minute_ns); }

  void hang_up() {
    if (fd_) state_.loop.remove(fd_.get());
    fd_.reset();
    timer_.stop();
  }

  void finish(Outcome outcome, std::string detail) {
    if (step_ == Step::ended) return;
    step_ = Step::ended;
    result_ = {.outcome = outcome, .detail = std::move(detail)};
    hang_up();
    auto& sessions = state_.sessions;
    const auto at =
        std::ranges::find_if(sessions, [this](const auto& one) { return one->is(this); });
    state_.finished.push_back(std::move(*at));
    sessions.erase(at);
    state_.reap.start(0);
  }

  void lost(const std::string& why) {
    finish(Outcome::retry,
           step_ == Step::dot ? why + " after the message: not known whether it was taken" : why);
  }

  void on_events(std::uint32_t events) {
    if (step_ == Step::connecting && !connected()) return;
    if ((events & EPOLLOUT) != 0) flush();
    if (step_ != Step::ended && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some();
  }

  bool connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      finish(Outcome::retry,
             "connect to " + state_.config.server.text() + ": " + std::strerror(error));
      return false;
    }
    step_ = Step::greeting;
    state_.loop.modify(fd_.get(), EPOLLIN);
    return true;
  }

  void send(std::string octets) {
    out_ = std::move(octets);
    sent_ = 0;
    flush();
  }

  void flush() {
    while (sent_ < out_.size()) {
      const ssize_t count =
          ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) break;
      // What the server said before it went away tells more than the error.
      if (count < 0) return read_some();
      sent_ += static_cast<std::size_t>(count);
      if (step_ == Step::message) wait(3);
    }
    const bool all = sent_ == out_.size();
    state_.loop.modify(fd_.get(), all ? EPOLLIN : EPOLLIN | EPOLLOUT);
    if (!all || step_ != Step::message) return;
    step_ = Step::dot;
    wait(10);
  }

  void read_some() {
    std::array<char, kReadBytes> buffer{};
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return lost(std::string("the connection broke: ") + std::strerror(errno));
    if (count == 0) return lost("the server hung up");
    replies_.feed({buffer.data(), static_cast<std::size_t>(count)});
    while (const auto line = replies_.next()) {
      reply_.add(*line);
      if (reply_.bad) return lost("no reply of SMTP: " + printable(*line));
      if (!reply_.last) continue;
      const Reply reply = std::exchange(reply_, Reply{});
      on_reply(reply);
      if (step_ == Step::ended) return;
    }
    if (replies_.passing_over() || replies_.too_long() > 0) lost("a reply line too long");
  }

  void on_reply(const Reply& reply) {
    switch (step_) {
      case Step::greeting:
        return go_on(reply, mail::kServiceReady, Step::hello,
                     "EHLO " + state_.config.hello + "\r\n");
      case Step::hello:
        note_extensions(reply);
        return go_on(reply, mail::kOk, Step::sender, mail_command());
      case Step::sender:
        return go_on(reply, mail::kOk, Step::recipient, rcpt_command());
      case Step::recipient:
        if (mail::is_permanent(reply.code)) return finish(Outcome::refused, reply.text);
        return go_on(reply, reply.code == mail::kWillForward ? mail::kWillForward : mail::kOk,
                     Step::data, "DATA\r\n");
      case Step::data:
        return go_on(reply, mail::kStartMailInput, Step::message, dot_stuffed(mail_.message));
      case Step::dot:
        if (reply.code != mail::kOk) return finish(Outcome::retry, reply.text);
        (void)::send(fd_.get(), "QUIT\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
        return finish(Outcome::accepted, reply.text);
      case Step::message:  // before the dot: nothing was taken
      case Step::connecting:
      case Step::ended:
        return finish(Outcome::retry, reply.text);
    }
  }

  void go_on(const Reply& reply, unsigned expected, Step next, std::string command) {
    if (reply.code != expected) return finish(Outcome::retry, reply.text);
    step_ = next;
    wait(next == Step::message ? 3 : next == Step::data ? 2 : 5);
    send(std::move(command));
  }

  void note_extensions(const Reply& reply) {
    for (const std::string& line : reply.lines) {
      const std::string_view keyword = ascii::split_word(line).head;
      size_ = size_ || ascii::iequals(keyword, "SIZE");
      dsn_ = dsn_ || ascii::iequals(keyword, "DSN");
    }
  }

  [[nodiscard]] std::string mail_command() const {
    std::string command = "MAIL FROM:<" + mail_.sender + '>';
    if (size_) command += " SIZE=" + std::to_string(mail_.message.size());
    if (dsn_) command += " RET=HDRS";
    return command + "\r\n";
  }

  // RFC 3461 section 4.2: xtext. `+` and `=` are encoded; others a mailbox has not here.
  [[nodiscard]] std::string rcpt_command() const {
    std::string command = "RCPT TO:<" + mail_.recipient + '>';
    if (dsn_) {
      command += " NOTIFY=FAILURE ORCPT=rfc822;";
      for (const char c : mail_.recipient) {
        if (c == '+' || c == '=') {
          command += c == '+' ? "+2B" : "+3D";
        } else {
          command += c;
        }
      }
    }
    return command + "\r\n";
  }

  State& state_;
  Mail mail_;
  Done done_;
  Timer timer_;
  ipc::LineStream replies_;
  Reply reply_;
  Fd fd_;
  Step step_ = Step::connecting;
  std::string out_;
  std::size_t sent_ = 0;
  bool size_ = false, dsn_ = false;
  Attempt result_;
};

void SmtpClient::State::tell_finished() {
  const std::shared_ptr<bool> still = alive;
  const auto told = std::exchange(finished, {});
  for (const auto& session : told) {
    session->tell();
    if (!*still) return;
  }
}

SmtpClient::SmtpClient(EventLoop& loop, SmtpConfig config)
    : state_(std::make_unique<State>(loop, std::move(config))) {}

SmtpClient::~SmtpClient() {
  *state_->alive = false;
}

void SmtpClient::send(Mail mail, Done done) {
  state_->sessions.push_back(std::make_unique<Session>(*state_, std::move(mail), std::move(done)));
  state_->sessions.back()->start();
}

std::size_t SmtpClient::in_flight() const {
  return state_->sessions.size() + state_->finished.size();
}

}  // namespace mxw::reportd
