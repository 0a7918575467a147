// What the tests of the map share: knowledge made by hand, and policyd as a list of what it was
// told.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/event_loop.hpp"
#include "map/answer.hpp"
#include "map/asker.hpp"
#include "map/cold_desk.hpp"
#include "map/netstring.hpp"
#include "map/responder.hpp"
#include "map/table.hpp"

namespace mxw::map {

inline constexpr Time kNow{1'800'000'000 * kSecond};
inline constexpr std::string_view kNotFoundText = "NOTFOUND ";

inline Known policy_of(policy::Mode mode, std::vector<std::string> mx) {
  Known known;
  known.state = rows::DomainState::policy;
  known.mode = mode;
  known.mx = std::move(mx);
  known.policy_id = "20261126";
  known.checked_at = kNow;
  known.valid_until = kNow + kDay;
  return known;
}

inline Known none_known() {
  Known known;
  known.state = rows::DomainState::none;
  known.checked_at = kNow;
  return known;
}

inline Options enforcing() {
  Options options;
  options.enforce = true;
  return options;
}

inline Moment at(Time now, bool enforce = true) {
  return {now, false, enforce};
}

// The payload of the one netstring.
inline std::string payload_of(std::string_view reply) {
  NetstringReader reader(limits::kReplyBytes);
  if (reader.next(reply) != NetstringReader::Step::payload || !reply.empty()) return "no netstring";
  return std::string(reader.payload());
}

// All payloads of a run of netstrings.
inline std::vector<std::string> payloads_of(std::string_view replies) {
  NetstringReader reader(limits::kReplyBytes);
  std::vector<std::string> out;
  while (!replies.empty() && reader.next(replies) == NetstringReader::Step::payload) {
    out.emplace_back(reader.payload());
  }
  if (!reader.at_boundary()) out.emplace_back("cut");
  return out;
}

class FakePolicyd : public Asker {
 public:
  void set_callbacks(Callbacks callbacks) override { callbacks_ = std::move(callbacks); }
  bool want(std::string_view domain) override {
    if (connected) wanted.emplace_back(domain);
    return connected;
  }
  bool hint(std::string_view domain) override {
    if (connected) hinted.emplace_back(domain);
    return connected;
  }
  bool ping() override {
    pings += connected ? 1 : 0;
    return connected;
  }
  void answer(std::string_view domain, const Known& known) { callbacks_.answered(domain, known); }
  void pong() { callbacks_.pong(); }

  bool connected = true;
  std::vector<std::string> wanted, hinted;
  int pings = 0;

 private:
  Callbacks callbacks_;
};

inline std::unique_ptr<EventLoop> make_loop() {
  auto loop = EventLoop::create();
  MXW_CHECK(loop.has_value());
  return std::move(*loop);
}

// Everything from table to desk, without sockets. Settled questions go to `on_ready`.
struct Bench {
  explicit Bench(Options options = enforcing(), Waiting::Settings waiting = {})
      : desk(*loop, policyd, waiting,
             [this](Waiting::Ticket ticket, const Known* known) { on_ready(ticket, known); }),
        responder(table, names, desk, options) {}

  void know(std::string_view domain, const Known& known, const Brake& brake = {}) {
    MXW_CHECK(table.put(domain, compile(domain, &known, brake, responder.options())));
  }

  std::unique_ptr<EventLoop> loop = make_loop();
  FakePolicyd policyd;
  Table table{HashKey{1, 2}, 64};
  MapNames names{{{"postfix", Dialect::postfix}, {"sts", Dialect::sendmail}}};
  std::function<void(Waiting::Ticket, const Known*)> on_ready = [](Waiting::Ticket, const Known*) {
  };
  ColdDesk desk;
  Responder responder;
};

}  // namespace mxw::map
