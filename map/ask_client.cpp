#include "map/ask_client.hpp"

#include <utility>

namespace mxw::map {
namespace {

Known known_of(feed::AskAnswer&& answer, Time now) {
  Known known;
  known.state = answer.state;
  known.mode = answer.mode;
  known.mx = std::move(answer.mx);
  known.policy_id = std::move(answer.policy_id);
  known.valid_until = answer.valid_until;
  known.checked_at = now;
  known.dane = answer.dane;
  // Good for the questions that waited; the feed brings the rows with their own times.
  known.dane_until = now + kMinute;
  return known;
}

}  // namespace

Result<std::unique_ptr<AskClient>> AskClient::create(EventLoop& loop, std::string socket_path,
                                                     std::function<Time()> clock) {
  auto client = feed::AskClient::create(loop, std::move(socket_path));
  if (!client) return std::unexpected(std::move(client.error()));
  return std::unique_ptr<AskClient>(new AskClient(std::move(clock), std::move(*client)));
}

void AskClient::set_callbacks(Callbacks callbacks) {
  client_->set_callbacks({.answered =
                              [this, answered = std::move(callbacks.answered)](
                                  std::string_view domain, feed::AskAnswer&& answer) {
                                if (answered)
                                  answered(domain, known_of(std::move(answer), clock_()));
                              },
                          .pong = std::move(callbacks.pong)});
}

}  // namespace mxw::map
