#include "core/feed/lookup_client.hpp"

#include <algorithm>
#include <utility>

#include "core/feed/ask.hpp"

namespace mxw::feed {
namespace {

constexpr std::int64_t kAgain = 100 * kMillisecond;  // the socket took no more

LookupAnswer unavailable(std::string_view why) {
  LookupAnswer answer;
  answer.reason = why;
  return answer;
}

}  // namespace

LookupClient::LookupClient(EventLoop& loop, Options options)
    : options_(options), timer_(loop, [this] { on_timer(); }) {}

Result<std::unique_ptr<LookupClient>> LookupClient::create(EventLoop& loop, std::string socket_path,
                                                           Options options) {
  std::unique_ptr<LookupClient> asker(new LookupClient(loop, options));
  LookupClient* const self = asker.get();
  auto client = ipc::SeqpacketClient::create(
      loop, std::move(socket_path), [self](std::string_view message) { self->on_message(message); },
      [self](bool connected) { self->on_state(connected); });
  if (!client) return std::unexpected(std::move(client.error()));
  asker->client_ = std::move(*client);
  return asker;
}

void LookupClient::lookup(LookupKind kind, std::string_view name, Done done) {
  ++counters_.asked;
  if (questions_.size() >= options_.in_flight + options_.waiting) {
    ++counters_.busy;
    refused_.push_back(std::move(done));
    return timer_.start(0);
  }
  const std::uint64_t id = ++last_id_;
  const std::int64_t deadline = EventLoop::now() + options_.timeout_ns;
  questions_.emplace(id, Question{kind, std::string(name), std::move(done), deadline});
  waiting_.push_back(id);
  if (!timer_.running()) timer_.start(options_.timeout_ns);
  send_waiting();
}

void LookupClient::send_waiting() {
  while (sent_ < options_.in_flight && !waiting_.empty() && connected()) {
    const auto at = questions_.find(waiting_.front());
    if (at != questions_.end()) {
      Question& question = at->second;
      if (!client_->send(encode(AskRequest{at->first, op_of(question.kind), question.name}))) {
        // A lost connection has its own way back; a full socket is tried again.
        return timer_.start(kAgain);
      }
      question.sent = true;
      ++sent_;
    }
    waiting_.pop_front();
  }
}

void LookupClient::on_message(std::string_view message) {
  const auto answer = decode_lookup(message);
  if (!answer) {
    ++counters_.not_understood;
    return;
  }
  const auto at = questions_.find(answer->id);
  // An answer to a question that has ended meanwhile.
  if (at == questions_.end() || !at->second.sent) return;
  ++counters_.answered;
  finish(answer->id, *answer);
  send_waiting();
}

void LookupClient::on_state(bool connected) {
  if (!connected) {
    sent_ = 0;
    waiting_.clear();
    for (auto& [id, question] : questions_) {
      question.sent = false;
      waiting_.push_back(id);
    }
  }
  send_waiting();
}

void LookupClient::finish(std::uint64_t id, const LookupAnswer& answer) {
  const auto node = questions_.extract(id);
  if (node.mapped().sent) --sent_;
  node.mapped().done(answer);
}

void LookupClient::on_timer() {
  for (std::deque<Done> refused = std::exchange(refused_, {}); const Done& done : refused)
    done(unavailable("busy"));
  const std::int64_t now = EventLoop::now();
  while (!questions_.empty() && questions_.begin()->second.deadline <= now) {
    ++counters_.timeouts;
    finish(questions_.begin()->first, unavailable("no answer"));
  }
  send_waiting();
  if (!refused_.empty() || questions_.empty()) return;
  const std::int64_t left = std::max<std::int64_t>(questions_.begin()->second.deadline - now, 1);
  const bool stuck = connected() && sent_ < options_.in_flight && !waiting_.empty();
  timer_.start(stuck ? std::min(left, kAgain) : left);
}

}  // namespace mxw::feed
