// The MTA's side of the milter protocol as a load: a closed loop over N sessions at the same time,
// each one connection with one mail to one or more recipients, then the next. Answers are waited
// for where the milter said that it answers. Prints one JSON object: sessions, seconds, deferred
// recipients, and percentiles in microseconds of the time a RCPT and the end of a message wait.
//
// usage: mxw-bench-milter-drive --socket PATH [--sessions N | --seconds N] [--parallel N]
//                               [--recipients N] [--domains N] [--cpu N]
//
// Recipients are in d0.example to d(DOMAINS-1).example; the client is 192.0.2.1.
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/bench/map/sockets.hpp"

namespace mxw::bench {
namespace {

std::int64_t now() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

std::string number32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::uint32_t number32(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(at[i]);
  return value;
}

std::string packet(char command, const std::string& data) {
  return number32(static_cast<std::uint32_t>(data.size() + 1)) + command + data;
}

std::string words(std::initializer_list<std::string_view> texts) {
  std::string out;
  for (const std::string_view text : texts) (out += text) += '\0';
  return out;
}

std::string macros(char stage, std::initializer_list<std::string_view> texts) {
  return packet(SMFIC_MACRO, stage + words(texts));
}

struct Settings {
  std::string socket;
  std::uint64_t sessions = 0;
  std::int64_t seconds = 0;
  std::size_t parallel = 1, recipients = 1, domains = 1'000;
};

// What is sent at once, and whether an answer is waited for.
enum class Wait : std::uint8_t { negotiation, rcpt, end, other };
struct Part {
  std::string data;
  Wait wait = Wait::other;
};

class Session {
 public:
  int fd = -1;
  std::vector<Part> parts;
  std::size_t at = 0;
  std::int64_t sent = 0;
  std::string input;
};

class Load {
 public:
  explicit Load(const Settings& settings) : settings_(settings), sessions_(settings.parallel) {}

  void run() {
    began_ = now();
    end_ = settings_.sessions > 0 ? INT64_MAX : began_ + settings_.seconds * 1'000'000'000;
    for (std::size_t i = 0; i < sessions_.size(); ++i) open(i);
    std::array<epoll_event, 64> events{};
    while (open_ > 0) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
    }
    ended_ = now();
  }

  void print() {
    std::printf("{\"sessions\":%llu,\"seconds\":%.6f,\"deferred\":%llu", done_,
                static_cast<double>(ended_ - began_) / 1e9, deferred_);
    print("rcpt", rcpt_times_);
    print("end", end_times_);
    std::printf("}\n");
  }

 private:
  static void print(const char* name, std::vector<std::int64_t>& times) {
    if (times.empty()) return;
    std::ranges::sort(times);
    for (const int part : {50, 99}) {
      const std::size_t at = (times.size() - 1) * static_cast<std::size_t>(part) / 100;
      std::printf(",\"%s_p%d_us\":%.1f", name, part, static_cast<double>(times[at]) / 1'000);
    }
    std::printf(",\"%s_max_us\":%.1f", name, static_cast<double>(times.back()) / 1'000);
  }

  void open(std::size_t i) {
    if (now() >= end_ || (settings_.sessions > 0 && started_ >= settings_.sessions)) return;
    ++started_;
    ++open_;
    Session& session = sessions_[i];
    session = Session();
    session.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    MXW_CHECK(settings_.socket.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, settings_.socket.data(), settings_.socket.size());
    MXW_CHECK(::connect(session.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
              0);
    MXW_CHECK(::fcntl(session.fd, F_SETFL, O_NONBLOCK) == 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    MXW_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, session.fd, &event) == 0);
    // What Postfix 3.7 offers.
    session.parts = {{packet(SMFIC_OPTNEG, number32(6) + number32(0x1ff) + number32(0x1fffff)),
                      Wait::negotiation}};
    send(session);
  }

  void send(Session& session) {
    const Part& part = session.parts[session.at];
    session.sent = now();
    MXW_CHECK(::send(session.fd, part.data.data(), part.data.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(part.data.size()));
  }

  void receive(std::size_t i) {
    Session& session = sessions_[i];
    char buffer[16'384];
    const ssize_t n = ::recv(session.fd, buffer, sizeof buffer, 0);
    MXW_CHECK(n > 0);
    session.input.append(buffer, static_cast<std::size_t>(n));
    while (session.input.size() >= 5) {
      const std::size_t length = number32(session.input.data());
      if (session.input.size() < 4 + length) return;
      const std::string answer = session.input.substr(4, length);
      session.input.erase(0, 4 + length);
      if (answered(session, answer)) return finish(i);
    }
  }

  // True when the last answer has come.
  bool answered(Session& session, const std::string& answer) {
    const Part& part = session.parts[session.at];
    const char kind = answer[0];
    // Edits at the end of a message are no answer.
    if (std::string_view("hmiq+-").contains(kind)) return false;
    const std::int64_t waited = now() - session.sent;
    if (part.wait == Wait::rcpt) rcpt_times_.push_back(waited);
    if (part.wait == Wait::end) end_times_.push_back(waited);
    if (kind == SMFIR_REPLYCODE || kind == SMFIR_TEMPFAIL) ++deferred_;
    if (part.wait == Wait::negotiation) {
      MXW_CHECK(kind == SMFIC_OPTNEG && answer.size() >= 13);
      session.parts = mail(number32(answer.data() + 9));
      session.at = 0;
    } else if (++session.at == session.parts.size()) {
      return true;
    }
    send(session);
    return false;
  }

  void finish(std::size_t i) {
    Session& session = sessions_[i];
    const std::string quit = packet(SMFIC_QUIT, "");
    (void)!::send(session.fd, quit.data(), quit.size(), MSG_NOSIGNAL);
    ::close(session.fd);
    --open_;
    ++done_;
    open(i);
  }

  // Packets of one mail: those without an answer go together with the next that has one.
  class Mail {
   public:
    explicit Mail(std::uint32_t steps) : steps_(steps) {}
    void add(std::uint32_t not_sent, std::uint32_t no_reply, const std::string& data,
             Wait wait = Wait::other) {
      if ((steps_ & not_sent) != 0) return;
      pending_ += data;
      if ((steps_ & no_reply) == 0) parts_.push_back({std::exchange(pending_, {}), wait});
    }
    std::vector<Part> take() { return std::move(parts_); }

   private:
    std::uint32_t steps_;
    std::string pending_;
    std::vector<Part> parts_;
  };

  std::vector<Part> mail(std::uint32_t steps) {
    Mail mail(steps);
    const std::string port{'4', '\x30', '\x39'};
    mail.add(
        SMFIP_NOCONNECT, SMFIP_NR_CONN,
        macros(SMFIC_CONNECT, {"j", "mx.example.org", "{daemon_name}", "mx.example.org",
                               "{daemon_addr}", "192.0.2.25", "{daemon_port}", "25",
                               "{client_addr}", "192.0.2.1", "{client_port}", "12345"}) +
            packet(SMFIC_CONNECT, words({"client.example.com"}) + port + words({"192.0.2.1"})));
    mail.add(SMFIP_NOHELO, SMFIP_NR_HELO,
             macros(SMFIC_HELO, {"{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384",
                                 "{cipher_bits}", "256"}) +
                 packet(SMFIC_HELO, words({"client.example.com"})));
    mail.add(SMFIP_NOMAIL, SMFIP_NR_MAIL,
             macros(SMFIC_MAIL, {"{mail_addr}", "a@example.com"}) +
                 packet(SMFIC_MAIL, words({"<a@example.com>", "SIZE=1000"})));
    for (std::size_t i = 0; i < settings_.recipients; ++i) {
      random_ = random_ * 6'364'136'223'846'793'005ULL + 1;
      const std::string domain =
          "d" + std::to_string((random_ >> 33) % settings_.domains) + ".example";
      const std::string address = "r" + std::to_string(started_) + '@' + domain;
      mail.add(SMFIP_NORCPT, SMFIP_NR_RCPT,
               macros(SMFIC_RCPT, {"i", "4ABCDEF", "{rcpt_mailer}", "smtp", "{rcpt_host}", domain,
                                   "{rcpt_addr}", address}) +
                   packet(SMFIC_RCPT, words({'<' + address + '>'})),
               Wait::rcpt);
    }
    mail.add(SMFIP_NODATA, SMFIP_NR_DATA,
             macros(SMFIC_DATA, {"i", "4ABCDEF"}) + packet(SMFIC_DATA, ""));
    for (const char* name : {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"})
      mail.add(SMFIP_NOHDRS, SMFIP_NR_HDR,
               packet(SMFIC_HEADER, words({name, " a value of some length"})));
    mail.add(SMFIP_NOEOH, SMFIP_NR_EOH, packet(SMFIC_EOH, ""));
    mail.add(0, 0, macros(SMFIC_BODYEOB, {"i", "4ABCDEF"}) + packet(SMFIC_BODYEOB, ""), Wait::end);
    return mail.take();
  }

  Settings settings_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Session> sessions_;
  std::vector<std::int64_t> rcpt_times_, end_times_;
  std::uint64_t random_ = 1, started_ = 0;
  std::size_t open_ = 0;
  std::int64_t began_ = 0, end_ = 0, ended_ = 0;
  unsigned long long done_ = 0, deferred_ = 0;
};

}  // namespace
}  // namespace mxw::bench

int main(int argc, char** argv) {
  using namespace mxw::bench;
  Settings settings;
  settings.socket = option(argc, argv, "--socket", "");
  settings.sessions = amount(argc, argv, "--sessions", 0);
  settings.seconds = number(argc, argv, "--seconds", 3);
  settings.parallel = amount(argc, argv, "--parallel", 1);
  settings.recipients = amount(argc, argv, "--recipients", 1);
  settings.domains = amount(argc, argv, "--domains", 1'000);
  stay_on(static_cast<int>(number(argc, argv, "--cpu", -1)));
  Load load(settings);
  load.run();
  load.print();
  return 0;
}
