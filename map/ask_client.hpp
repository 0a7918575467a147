// AskClient: an Asker over policyd's ask socket (core/feed/ask_client.hpp). Serving thread; never
// blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/base/result.hpp"
#include "core/feed/ask_client.hpp"
#include "map/asker.hpp"

namespace mxw::map {

class AskClient final : public Asker {
 public:
  // `clock`: wall time by which what policyd tells is dated. Error (usage): the path is too long.
  static Result<std::unique_ptr<AskClient>> create(EventLoop& loop, std::string socket_path,
                                                   std::function<Time()> clock);

  void set_callbacks(Callbacks callbacks) override;
  bool want(std::string_view domain) override { return client_->want(domain); }
  bool hint(std::string_view domain) override { return client_->hint(domain); }
  bool ping() override { return client_->ping(); }

  [[nodiscard]] bool connected() const { return client_->connected(); }
  [[nodiscard]] const ipc::SeqpacketClient::Counters& counters() const {
    return client_->counters();
  }
  [[nodiscard]] std::uint64_t not_understood() const { return client_->not_understood(); }

 private:
  AskClient(std::function<Time()> clock, std::unique_ptr<feed::AskClient> client)
      : clock_(std::move(clock)), client_(std::move(client)) {}

  std::function<Time()> clock_;
  std::unique_ptr<feed::AskClient> client_;
};

}  // namespace mxw::map
