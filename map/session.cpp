#include "map/session.hpp"

#include <algorithm>
#include <utility>

#include "core/base/check.hpp"

namespace mxw::map {
namespace {

constexpr std::size_t kKeptCapacity = 4'096;  // of the output between replies

}  // namespace

Session::~Session() {
  for (const Slot& slot : slots_) {
    if (slot.ticket != 0) responder_.forget(slot.ticket, slot.domain);
  }
}

void Session::take(std::string_view input, const Moment& moment) {
  while (!input.empty() && may_take()) {
    const NetstringReader::Step step = reader_.next(input);
    if (step == NetstringReader::Step::more) return;
    if (step == NetstringReader::Step::fault) {
      ended_ = true;  // what was asked before is still answered
      return;
    }
    answer(reader_.payload(), moment);
  }
  held_.assign(input);
}

void Session::resume(const Moment& moment) {
  if (!can_resume()) return;
  const std::string input = std::exchange(held_, {});
  take(input, moment);
}

void Session::answer(std::string_view payload, const Moment& moment) {
  const Question question = responder_.read(payload);
  const Ticket ticket = id_ << kTicketBits | (++serial_ & ((1U << kTicketBits) - 1));
  const Responder::Outcome outcome = responder_.respond(question, moment, ticket);
  if (!outcome.waits) {
    put_answered(outcome.answer.reply);
    return;
  }
  Slot slot;
  slot.ticket = ticket;
  slot.question = question;
  slot.question.facts = nullptr;
  slot.domain = question.domain;
  slots_.push_back(std::move(slot));
}

void Session::put_answered(std::string_view reply) {
  if (slots_.empty()) {
    out_ += reply;
    return;
  }
  Slot slot;
  slot.reply = reply;
  slot_bytes_ += slot.reply.size();
  slots_.push_back(std::move(slot));
}

void Session::settle(Ticket ticket, const Known* told, const Moment& moment) {
  const auto at = std::ranges::find(slots_, ticket, &Slot::ticket);
  if (ticket == 0 || at == slots_.end()) return;
  at->question.domain = at->domain;
  at->reply = responder_.settle(at->question, told, moment);
  at->ticket = 0;
  slot_bytes_ += at->reply.size();
  release();
}

// Replies whose turn has come go out.
void Session::release() {
  const auto end = std::ranges::find_if(slots_, [](const Slot& slot) { return slot.ticket != 0; });
  for (auto at = slots_.begin(); at != end; ++at) {
    slot_bytes_ -= at->reply.size();
    out_ += at->reply;
  }
  slots_.erase(slots_.begin(), end);
}

void Session::sent(std::size_t octets) {
  MXW_CHECK(octets <= output().size());
  sent_ += octets;
  if (sent_ < out_.size()) return;
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKeptCapacity) out_.shrink_to_fit();
}

}  // namespace mxw::map
