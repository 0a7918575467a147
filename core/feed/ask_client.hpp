// AskClient: a client of policyd's ask socket (core/feed/ask.hpp). Never blocks; false means that
// nothing was sent: no socket, or too much under way. One thread, the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/feed/ask.hpp"
#include "core/ipc/seqpacket_client.hpp"

namespace mxw::feed {

class AskClient {
 public:
  static constexpr std::size_t kInFlight = 1'024;  // semantics 11: of one peer

  // Called from the loop, never from within a method; the callee outlives their use.
  struct Callbacks {
    std::function<void(std::string_view domain, AskAnswer&&)> answered;  // to want()
    std::function<void()> pong;
  };

  // Error (usage): the path is too long.
  static Result<std::unique_ptr<AskClient>> create(EventLoop& loop, std::string socket_path);

  void set_callbacks(Callbacks callbacks) { callbacks_ = std::move(callbacks); }
  bool want(std::string_view domain);    // asks for one answered()
  bool hint(std::string_view domain);    // look again when there is time; no answer
  bool reread(std::string_view domain);  // look now; the feed tells (RFC 8461 section 5.1)
  bool ping();                           // asks for one pong()

  [[nodiscard]] bool connected() const { return client_->connected(); }
  [[nodiscard]] const ipc::SeqpacketClient::Counters& counters() const {
    return client_->counters();
  }
  [[nodiscard]] std::uint64_t not_understood() const { return not_understood_; }

 private:
  AskClient() = default;
  bool send(AskOp op, std::string_view domain);
  void on_message(std::string_view message);

  Callbacks callbacks_;
  std::uint64_t last_id_ = 0, not_understood_ = 0;
  std::unordered_map<std::uint64_t, std::string> asked_;  // id -> domain, of want()
  std::unique_ptr<ipc::SeqpacketClient> client_;
};

}  // namespace mxw::feed
