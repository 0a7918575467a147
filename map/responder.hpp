// Responder: from the payload of a query to its answer, with everything that is due on the way: the
// look-up, the question or hint to policyd, the count. Runs in the serving thread; what it is made
// of outlives it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "map/answer.hpp"
#include "map/cold_desk.hpp"
#include "map/query.hpp"
#include "map/table.hpp"
#include "map/tally.hpp"

namespace mxw::map {

// One query, read. `domain` is borrowed from the payload or from the responder, until its next
// read.
struct Question {
  std::string_view domain;
  std::uint64_t hash = 0;  // the table's
  std::size_t map = Tally::kNoMap;
  Dialect dialect = Dialect::postfix;
  KeyKind kind = KeyKind::garbage;
  const Compiled* facts = nullptr;  // what the table knows; valid until it is changed
};

class Responder {
 public:
  using Ticket = Waiting::Ticket;
  struct Counters {
    std::uint64_t queries = 0;
    std::array<std::uint64_t, 5> said{}, would_be{};  // by Word
    std::uint64_t stale = 0, cold = 0;
  };

  Responder(const Table& table, const MapNames& names, ColdDesk& desk, const Options& options)
      : table_(table),
        names_(names),
        desk_(desk),
        options_(options),
        tally_(std::make_unique<Tally>()) {}

  Question read(std::string_view payload);

  // The answer, counted; or the question waits under `ticket`, and settle() follows.
  struct Outcome {
    bool waits = false;
    Answer answer;  // its reply is valid until the table is changed
  };
  Outcome respond(const Question& question, const Moment& moment, Ticket ticket);

  // The reply to a question that has waited; `told` is what policyd said, null: nothing in time.
  // A policy that ran out while it was on its way still counts (semantics 11, max_age 0 or 1).
  std::string settle(const Question& question, const Known* told, Moment moment);
  void forget(Ticket ticket, std::string_view domain) { desk_.forget(ticket, domain); }

  void set_options(const Options& options) { options_ = options; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Hands over what was counted and goes on with a clean one. REQUIRES: clean is there and empty.
  std::unique_ptr<Tally> swap_tally(std::unique_ptr<Tally> clean);

 private:
  void count(const Question& question, const Answer& answer);

  const Table& table_;
  const MapNames& names_;
  ColdDesk& desk_;
  Options options_;
  std::unique_ptr<Tally> tally_;
  Counters counters_;
  std::string domain_;  // of the last question read, where it differs from the key
};

}  // namespace mxw::map
