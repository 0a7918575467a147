#include "core/feed/ask_client.hpp"

#include <utility>

namespace mxw::feed {

Result<std::unique_ptr<AskClient>> AskClient::create(EventLoop& loop, std::string socket_path) {
  std::unique_ptr<AskClient> asker(new AskClient());
  AskClient* const self = asker.get();
  auto client = ipc::SeqpacketClient::create(
      loop, std::move(socket_path), [self](std::string_view message) { self->on_message(message); },
      // What was asked on a lost connection is not answered any more; those who wait have their
      // own deadline.
      [self](bool connected) {
        if (!connected) self->asked_.clear();
      });
  if (!client) return std::unexpected(std::move(client.error()));
  asker->client_ = std::move(*client);
  return asker;
}

bool AskClient::send(AskOp op, std::string_view domain) {
  return client_->send(encode(AskRequest{++last_id_, op, std::string(domain)}));
}

bool AskClient::want(std::string_view domain) {
  if (asked_.size() >= kInFlight || !send(AskOp::want, domain)) return false;
  asked_.emplace(last_id_, domain);
  return true;
}

bool AskClient::hint(std::string_view domain) {
  return send(AskOp::hint, domain);
}

bool AskClient::reread(std::string_view domain) {
  return send(AskOp::reread, domain);
}

bool AskClient::ping() {
  return send(AskOp::ping, {});
}

void AskClient::on_message(std::string_view message) {
  auto answer = decode_answer(message);
  if (!answer) {
    ++not_understood_;
    return;
  }
  if (answer->pong) {
    if (callbacks_.pong) callbacks_.pong();
    return;
  }
  const auto asked = asked_.extract(answer->id);
  if (!asked.empty() && callbacks_.answered)
    callbacks_.answered(asked.mapped(), std::move(*answer));
}

}  // namespace mxw::feed
