// Resolver: asks recursive DNS servers without blocking, on an EventLoop (transport: c-ares 1.18).
//
// A question goes to one server at a time: validating servers first, those that just failed last,
// else in rotation. The first definite answer (ok, nodata, nxdomain) counts. A server that was
// silent is asked again, up to `tries` times; one that refused, failed or could not be reached is
// not. After SERVFAIL from a validating server only validating ones are asked: it may have seen a
// forgery that the others would pass on. Without a definite answer the outcome is the one that says
// most: servfail, malformed, refused, timeout, network.
//
// What is not there, on purpose: a cache, search domains, /etc/hosts, the system's resolv.conf. The
// source port changes only when a server has no question in flight (c-ares), so the way to the
// servers should be the machine itself or a network that is trusted; AD says nothing otherwise
// (RFC 7672 section 2.1.1). The question's id is random.
//
// Belongs to the loop's thread. The loop must outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/dns/message.hpp"
#include "core/mail/name.hpp"
#include "net/resolve/answer.hpp"
#include "net/resolve/upstream.hpp"

namespace mxw::resolve {

struct Server {
  Endpoint endpoint;
  // It validates DNSSEC and the way to it cannot be tampered with: its AD bit is believed.
  bool validating = false;
};

struct Config {
  std::vector<Server> servers;  // 1 to kServers
  // For one attempt; TCP after a cut answer gets the same again. resolv.conf(5) says 5 s, but
  // semantics 11 (`cold_wait`) leaves 3 s for a TXT answer and a fetch.
  std::int64_t timeout_ns = 1 * kSecond;
  unsigned tries = 2;  // of a silent server; resolv.conf(5) `attempts`
};

// resolv.conf(5) knows 3; a few more for hosts that list both families.
inline constexpr std::size_t kServers = 8;
// Asked at the same time: each is a datagram and about 1 KiB here. Unbound lets 1,024 wait a
// thread.
inline constexpr std::size_t kInFlight = 256;
// Waiting for a place, all callers counted. More than one peer's 1,024 domains (semantics 11) with
// TXT, MX and the addresses and TLSA of its hosts.
inline constexpr std::size_t kWaiting = 16'384;
// How long a silent or unreachable server is asked last.
inline constexpr std::int64_t kAvoid = 30 * kSecond;

struct Counters {
  std::uint64_t asked = 0;     // calls of query()
  std::uint64_t merged = 0;    // that joined a question already open
  std::uint64_t dropped = 0;   // that found kWaiting callers before them
  std::uint64_t attempts = 0;  // messages sent, UDP and TCP together once
};

class Resolver {
 public:
  using Callback = std::function<void(const Answer&)>;

  // Whether SERVFAIL is looked into: asked once more with CD=1, and bogus when that succeeds.
  enum class Bogus : std::uint8_t { ignore, detect };

  // Error (usage) for no server, too many, or one without address or port; (environment) when
  // c-ares cannot start.
  static Result<std::unique_ptr<Resolver>> create(EventLoop& loop, Config config);
  ~Resolver();  // no callback comes any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // The callback comes exactly once, in the loop, never from within query(); it may query again and
  // may destroy the Resolver. The same question, while open, is asked once for all. A name that is
  // no DNS name is `malformed` without being asked; with kWaiting callers before it a question is
  // `network`. Worst time: servers x tries x 2 x timeout_ns, and one more for Bogus::detect.
  void query(std::string_view name, dns::Type type, Callback callback, Bogus bogus = Bogus::ignore);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t open_questions() const { return questions_.size(); }

 private:
  struct Key {
    mail::DnsName name;
    dns::Type type;
    Bogus bogus;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Question;
  struct Finished {
    std::uint64_t token;
    Transport transport;
    std::vector<std::uint8_t> octets;
  };

  Resolver(EventLoop& loop, Config config);
  Result<void> open();
  void reject(Callback callback, Outcome outcome, std::string reason);
  void begin(std::uint64_t token);
  [[nodiscard]] std::vector<std::size_t> order();
  bool send_next(std::uint64_t token, Question& question);
  void send(std::uint64_t token, Question& question);
  void drain();
  void on_finished(const Finished& finished);
  [[nodiscard]] Answer read(const Question& question, const Finished& finished) const;
  void judge(std::uint64_t token, Question& question, Answer answer);
  void try_further(std::uint64_t token, Question& question);
  void complete(std::uint64_t token, Answer answer);

  EventLoop& loop_;
  Config config_;
  std::vector<std::int64_t> avoid_until_;  // by server
  std::size_t rotation_ = 0;
  Counters counters_;

  std::unordered_map<std::uint64_t, Question> questions_;  // by token
  std::map<Key, std::uint64_t> open_;
  std::deque<std::uint64_t> waiting_;  // not sent yet
  std::size_t in_flight_ = 0, callers_ = 0;
  std::uint64_t last_token_ = 0;

  struct Delivery {
    Callback callback;
    std::shared_ptr<const Answer> answer;
  };
  std::vector<Finished> finished_;  // told by c-ares, not looked at yet
  std::deque<Delivery> deliveries_;
  Timer drain_;                  // runs as soon as one of the two holds something
  std::shared_ptr<bool> alive_;  // false once destroyed, for the callback that did it
  std::vector<std::unique_ptr<Upstream>> upstreams_;  // by server; gone before all they report to
};

}  // namespace mxw::resolve
