#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "map/session.hpp"
#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

using Replies = std::vector<std::string>;
using policy::Mode;

constexpr std::string_view kSecure = "OK secure match=mx.example.org servername=hostname";

std::string ask(std::string_view key, std::string_view map = "postfix") {
  return netstring(std::string(map) + ' ' + std::string(key));
}

struct MapSession : ::testing::Test {
  MapSession() {
    bench.know("example.org", policy_of(Mode::enforce, {"mx.example.org"}));
    bench.know("none.example", none_known());
    bench.on_ready = [this](Waiting::Ticket ticket, const Known* known) {
      session.settle(ticket, known, at(kNow));
    };
  }

  Replies replies() {
    Replies out = payloads_of(session.output());
    session.sent(session.output().size());
    return out;
  }
  Replies exchange(std::string_view input) {
    session.take(input, at(kNow));
    return replies();
  }

  Bench bench;
  Session session{bench.responder, 7};
};

TEST_F(MapSession, AnswersInTheOrderOfTheQueries) {
  EXPECT_EQ(exchange(ask("example.org") + ask("none.example") + ask("example.org", "sts") +
                     ask(".org") + ask("[192.0.2.1]:25") + ask("EXAMPLE.org:25") +
                     ask("example.org", "other") + netstring("garbage") + netstring("")),
            (Replies{std::string(kSecure), "NOTFOUND ", std::string(kSecure), "NOTFOUND ",
                     "NOTFOUND ", std::string(kSecure), "NOTFOUND ", "NOTFOUND ", "NOTFOUND "}));
  EXPECT_TRUE(session.idle());
}

// The policy socket of a peer took these. Ours has no word but the name of a map.
TEST_F(MapSession, NoCommandIsTakenFromTheSocket) {
  for (const std::string command :
       {"DUMP", "PURGE", "JSON example.org", "QUERY example.org", "DUMP example.org", "reload",
        "{\"v\":1,\"cmd\":\"remove\",\"domain\":\"example.org\"}",
        "{\"v\":1,\"id\":1,\"op\":\"reread\",\"domain\":\"example.org\"}"}) {
    EXPECT_EQ(exchange(netstring(command)), Replies{"NOTFOUND "}) << command;
  }
  EXPECT_EQ(exchange(ask("example.org")), Replies{std::string(kSecure)}) << "all is there still";
  EXPECT_TRUE(bench.policyd.wanted.empty());
  EXPECT_TRUE(bench.policyd.hinted.empty());
}

TEST_F(MapSession, AnySplitOfTheInputGivesTheSame) {
  const std::string input = ask("example.org") + ask("none.example") + ask("[mx.example.org]");
  bench.know("mx.example.org", policy_of(Mode::enforce, {"mx.example.org"}));
  const Replies whole = exchange(input);
  ASSERT_EQ(whole.size(), 3U);
  for (std::size_t piece = 1; piece < input.size(); ++piece) {
    Session other(bench.responder, 8);
    for (std::size_t from = 0; from < input.size(); from += piece) {
      other.take(std::string_view(input).substr(from, piece), at(kNow));
    }
    EXPECT_EQ(payloads_of(other.output()), whole) << piece;
  }
}

TEST_F(MapSession, AColdQuestionHoldsBackLaterOnesWhichKeepTheirOrder) {
  EXPECT_EQ(exchange(ask("example.org") + ask("cold.example") + ask("none.example") +
                     ask("second.example") + ask("example.org")),
            Replies{std::string(kSecure)});
  EXPECT_EQ(bench.policyd.wanted, (Replies{"cold.example", "second.example"}));
  bench.policyd.answer("second.example", none_known());
  EXPECT_EQ(replies(), Replies{});
  bench.policyd.answer("cold.example", policy_of(Mode::enforce, {"mx.example.org"}));
  EXPECT_EQ(replies(),
            (Replies{std::string(kSecure), "NOTFOUND ", "NOTFOUND ", std::string(kSecure)}));
  EXPECT_TRUE(session.idle());
}

TEST_F(MapSession, APolicyThatRanOutOnItsWayCountsForThoseWhoWaited) {
  Known known = policy_of(Mode::enforce, {"mx.example.org"});
  known.valid_until = kNow - 1;
  exchange(ask("cold.example"));
  bench.policyd.answer("cold.example", known);
  EXPECT_EQ(replies(), Replies{std::string(kSecure)});
}

TEST_F(MapSession, APinWithoutNamesWaitsForThePolicyAndStaysAPin) {
  Known expired = none_known();
  expired.checked_at = kNow - 2 * kDay;
  bench.know("pinned.example", expired, {Brake::Action::pin, {}});
  exchange(ask("pinned.example") + ask("pinned.example", "sts"));
  EXPECT_EQ(bench.policyd.wanted, Replies{"pinned.example"});
  bench.policyd.answer("pinned.example", none_known());
  EXPECT_EQ(replies(), (Replies{"OK encrypt", "NOTFOUND "}));
}

// The feed was faster than the answer, which was made before.
TEST_F(MapSession, AnAnswerThatKnowsNothingDoesNotHideTheRowThatCameMeanwhile) {
  exchange(ask("cold.example"));
  bench.know("cold.example", policy_of(Mode::enforce, {"mx.example.org"}));
  Known unknown;
  unknown.state = rows::DomainState::unknown;
  bench.policyd.answer("cold.example", unknown);
  EXPECT_EQ(replies(), Replies{std::string(kSecure)});
}

TEST_F(MapSession, WithoutPolicydAColdQuestionIsAnsweredAtOnce) {
  bench.policyd.connected = false;
  EXPECT_EQ(exchange(ask("cold.example")), Replies{"NOTFOUND "});
}

TEST_F(MapSession, QuestionsBehindOneThatWaitsAreBounded) {
  std::string input = ask("cold.example");
  for (std::size_t i = 0; i < 2 * limits::kPipelined; ++i) input += ask("none.example");
  session.take(input, at(kNow));
  EXPECT_FALSE(session.wants_input());
  EXPECT_FALSE(session.can_resume());
  bench.policyd.answer("cold.example", none_known());
  EXPECT_EQ(replies().size(), limits::kPipelined);
  EXPECT_TRUE(session.can_resume());
  session.resume(at(kNow));
  EXPECT_EQ(replies().size(), limits::kPipelined + 1);
  EXPECT_TRUE(session.wants_input());
}

// The shortest query with the longest reply, as often as one read holds it.
TEST_F(MapSession, RepliesNotTakenAreBounded) {
  std::vector<std::string> mx;
  for (int i = 0; i < 256; ++i) {
    mx.push_back("mx" + std::to_string(i) + '.' + std::string(60, 'a') + '.' +
                 std::string(60, 'b') + '.' + std::string(60, 'c') + ".example");
  }
  bench.know("b.example", policy_of(Mode::enforce, mx));
  std::string input;
  while (input.size() + 24 < limits::kReadBytes) input += ask("b.example");
  const std::size_t queries = input.size() / ask("b.example").size();
  session.take(input, at(kNow));
  std::size_t seen = 0;
  for (;;) {
    EXPECT_LE(session.buffered(), limits::kOutputBytes + limits::kReplyBytes + limits::kReadBytes);
    seen += replies().size();
    if (!session.can_resume()) break;
    session.resume(at(kNow));
  }
  EXPECT_EQ(seen, queries);
}

TEST_F(MapSession, AProtocolErrorEndsTheInputAfterTheRepliesBeforeIt) {
  EXPECT_EQ(exchange(ask("example.org") + "01:x," + ask("example.org")),
            Replies{std::string(kSecure)});
  EXPECT_EQ(session.fault(), NetstringFault::leading_zero);
  EXPECT_TRUE(session.finished());
}

TEST_F(MapSession, WhoLeavesIsNotWaitedFor) {
  {
    Session other(bench.responder, 8);
    other.take(ask("cold.example"), at(kNow));
    EXPECT_EQ(bench.desk.waiting(), 1U);
  }
  EXPECT_EQ(bench.desk.waiting(), 0U);
  bench.policyd.answer("cold.example", none_known());
}

TEST_F(MapSession, StaleAnswersComeAtOnceAndAreHinted) {
  Known old = none_known();
  old.checked_at = kNow - 2 * kHour;
  bench.know("old.example", old);
  EXPECT_EQ(exchange(ask("old.example") + ask("old.example")), (Replies{"NOTFOUND ", "NOTFOUND "}));
  EXPECT_EQ(bench.policyd.hinted, Replies{"old.example"});
  EXPECT_TRUE(bench.policyd.wanted.empty());
}

TEST_F(MapSession, ObserveNeverWaits) {
  session.take(ask("cold.example") + ask("example.org"), at(kNow, false));
  EXPECT_EQ(replies(), (Replies{"NOTFOUND ", "NOTFOUND "}));
  EXPECT_TRUE(bench.policyd.wanted.empty());
  EXPECT_EQ(bench.policyd.hinted, Replies{"cold.example"});
}

TEST_F(MapSession, EveryAnswerIsCountedOnce) {
  exchange(ask("example.org") + ask("example.org") + ask("none.example") + ask("cold.example") +
           ask(".org"));
  bench.policyd.answer("cold.example", none_known());
  EXPECT_EQ(bench.responder.counters().queries, 5U);
  const auto tally = bench.responder.swap_tally(std::make_unique<Tally>());
  std::map<std::string, std::uint64_t> seen;
  tally->for_each([&](const Tally::Line& line) {
    seen[std::string(line.domain) + ' ' + std::string(name(line.answer.basis))] = line.count;
  });
  const std::map<std::string, std::uint64_t> expected = {
      {"example.org sts", 2}, {"none.example none", 1}, {"cold.example none", 1}, {" key", 1}};
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace mxw::map
