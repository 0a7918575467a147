// LookupClient: asks policyd what DNS says about a name (core/feed/lookup.hpp). Never blocks. One
// thread, the loop's.
//
// Lookups is what its users take, so that their tests bring answers of their own.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/feed/lookup.hpp"
#include "core/ipc/seqpacket_client.hpp"

namespace mxw::feed {

class Lookups {
 public:
  using Done = std::function<void(const LookupAnswer&)>;
  virtual ~Lookups() = default;
  // Calls back exactly once, in the loop, never from within lookup(), and not after this is gone.
  // The callback may ask again; it must not destroy this.
  virtual void lookup(LookupKind kind, std::string_view name, Done done) = 0;
};

class LookupClient final : public Lookups {
 public:
  struct Options {
    // From the question to `unavailable`, `no answer`. net/resolve takes 9 s with two silent
    // servers; the rest is for questions before this one and for policyd to come back.
    std::int64_t timeout_ns = 30 * kSecond;
    std::size_t in_flight = 256;   // asked at the same time; policyd takes 1,024 of a peer
    std::size_t waiting = 10'000;  // more are `unavailable`, `busy`: a day's reports (semantics 8)
  };
  struct Counters {
    std::uint64_t asked = 0, answered = 0;
    std::uint64_t busy = 0, timeouts = 0;  // ended without an answer
    std::uint64_t not_understood = 0;      // messages of policyd
  };

  // A lost connection is made again; what was under way on it is asked again, within its time.
  // Error (usage): the path is too long.
  static Result<std::unique_ptr<LookupClient>> create(EventLoop& loop, std::string socket_path,
                                                      Options options);
  static Result<std::unique_ptr<LookupClient>> create(EventLoop& loop, std::string socket_path) {
    return create(loop, std::move(socket_path), Options{});
  }

  void lookup(LookupKind kind, std::string_view name, Done done) override;

  [[nodiscard]] bool connected() const { return client_->connected(); }
  [[nodiscard]] std::size_t open() const { return questions_.size(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Question {
    LookupKind kind;
    std::string name;
    Done done;
    std::int64_t deadline;
    bool sent = false;
  };

  LookupClient(EventLoop& loop, Options options);
  void send_waiting();
  void on_message(std::string_view message);
  void on_state(bool connected);
  void on_timer();
  void finish(std::uint64_t id, const LookupAnswer& answer);

  Options options_;
  Counters counters_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Question> questions_;  // by id: the oldest first
  std::deque<std::uint64_t> waiting_;            // not sent; may name some that have ended
  std::deque<Done> refused_;                     // to be told in the next turn
  std::size_t sent_ = 0;
  Timer timer_;
  std::unique_ptr<ipc::SeqpacketClient> client_;
};

}  // namespace mxw::feed
