// Session: one client's queries and replies, without its socket. Replies come in the order of the
// queries; one that waits holds back later ones of the same session only, which are looked up
// meanwhile. Everything is bounded: limits::kPipelined questions behind one that waits, about
// limits::kOutputBytes of replies not yet taken, and the rest of one read.
//
// Runs in the serving thread; the responder outlives it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "map/limits.hpp"
#include "map/netstring.hpp"
#include "map/responder.hpp"

namespace mxw::map {

class Session {
 public:
  using Ticket = Waiting::Ticket;

  // `id` is in its tickets: id_of(ticket).
  Session(Responder& responder, std::uint64_t id) : responder_(responder), id_(id) {}
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  [[nodiscard]] static std::uint64_t id_of(Ticket ticket) { return ticket >> kTicketBits; }

  // Octets from the client. REQUIRES: wants_input().
  void take(std::string_view input, const Moment& moment);
  // After output was taken or a question settled: goes on with what was held.
  void resume(const Moment& moment);
  // A question of this session has waited; nothing happens when it is not known.
  void settle(Ticket ticket, const Known* told, const Moment& moment);

  // Replies to be sent; the caller clears what it has sent by sent().
  [[nodiscard]] std::string_view output() const { return std::string_view(out_).substr(sent_); }
  void sent(std::size_t octets);

  // No more is read from the client: it ended or broke the protocol.
  void end_input() { ended_ = true; }
  [[nodiscard]] bool wants_input() const { return !ended_ && held_.empty() && may_take(); }
  [[nodiscard]] bool can_resume() const { return !held_.empty() && may_take(); }
  [[nodiscard]] bool idle() const { return slots_.empty() && output().empty() && held_.empty(); }
  [[nodiscard]] bool finished() const { return ended_ && idle(); }
  [[nodiscard]] NetstringFault fault() const { return reader_.fault(); }
  [[nodiscard]] std::size_t buffered() const {
    return out_.size() + slot_bytes_ + held_.size() + reader_.buffered();
  }

 private:
  static constexpr unsigned kTicketBits = 20;

  // A question that waits, or one behind it.
  struct Slot {
    Ticket ticket = 0;  // 0: answered
    Question question;  // its domain is `domain`; without facts
    std::string domain;
    std::string reply;
  };

  [[nodiscard]] bool may_take() const {
    return slots_.size() < limits::kPipelined && out_.size() + slot_bytes_ < limits::kOutputBytes;
  }
  void answer(std::string_view payload, const Moment& moment);
  void put_answered(std::string_view reply);
  void release();

  Responder& responder_;
  std::uint64_t id_, serial_ = 0;
  bool ended_ = false;
  NetstringReader reader_{limits::kQueryBytes};
  std::string held_, out_;
  std::size_t sent_ = 0, slot_bytes_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace mxw::map
