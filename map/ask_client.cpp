#include "map/ask_client.hpp"

#include <utility>

#include "core/feed/ask.hpp"

namespace mxw::map {

Result<std::unique_ptr<AskClient>> AskClient::create(EventLoop& loop, std::string socket_path,
                                                     std::function<Time()> clock) {
  std::unique_ptr<AskClient> asker(new AskClient(std::move(clock)));
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

bool AskClient::want(std::string_view domain) {
  if (asked_.size() >= kInFlight) return false;
  const std::uint64_t id = ++last_id_;
  if (!client_->send(encode(feed::AskRequest{id, feed::AskOp::want, std::string(domain)})))
    return false;
  asked_.emplace(id, domain);
  return true;
}

bool AskClient::hint(std::string_view domain) {
  return client_->send(
      encode(feed::AskRequest{++last_id_, feed::AskOp::hint, std::string(domain)}));
}

bool AskClient::ping() {
  return client_->send(encode(feed::AskRequest{++last_id_, feed::AskOp::ping, {}}));
}

void AskClient::on_message(std::string_view message) {
  auto answer = feed::decode_answer(message);
  if (!answer) {
    ++not_understood_;
    return;
  }
  if (answer->pong) {
    if (callbacks_.pong) callbacks_.pong();
    return;
  }
  const auto asked = asked_.extract(answer->id);
  if (asked.empty() || !callbacks_.answered) return;
  Known known;
  known.state = answer->state;
  known.mode = answer->mode;
  known.mx = std::move(answer->mx);
  known.policy_id = std::move(answer->policy_id);
  known.valid_until = answer->valid_until;
  known.checked_at = clock_();
  known.dane = answer->dane;
  // Good for the questions that waited; the feed brings the rows with their own times.
  known.dane_until = known.checked_at + kMinute;
  callbacks_.answered(asked.mapped(), known);
}

}  // namespace mxw::map
