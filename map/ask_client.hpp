// AskClient: an Asker over policyd's ask socket (core/feed/ask.hpp). Serving thread; never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/ipc/seqpacket_client.hpp"
#include "map/asker.hpp"

namespace mxw::map {

class AskClient final : public Asker {
 public:
  static constexpr std::size_t kInFlight = 1'024;  // semantics 11: of one peer

  // `clock`: wall time by which what policyd tells is dated. Error (usage): the path is too long.
  static Result<std::unique_ptr<AskClient>> create(EventLoop& loop, std::string socket_path,
                                                   std::function<Time()> clock);

  void set_callbacks(Callbacks callbacks) override { callbacks_ = std::move(callbacks); }
  bool want(std::string_view domain) override;
  bool hint(std::string_view domain) override;
  bool ping() override;

  [[nodiscard]] bool connected() const { return client_->connected(); }
  [[nodiscard]] const ipc::SeqpacketClient::Counters& counters() const {
    return client_->counters();
  }
  [[nodiscard]] std::uint64_t not_understood() const { return not_understood_; }

 private:
  explicit AskClient(std::function<Time()> clock) : clock_(std::move(clock)) {}
  void on_message(std::string_view message);

  std::function<Time()> clock_;
  Callbacks callbacks_;
  std::uint64_t last_id_ = 0, not_understood_ = 0;
  std::unordered_map<std::uint64_t, std::string> asked_;  // id -> domain, of want()
  std::unique_ptr<ipc::SeqpacketClient> client_;
};

}  // namespace mxw::map
