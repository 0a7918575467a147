// The milter's control socket: what it says of its store, and to octets that are no request.
#include "milter/control.hpp"

#include <gmock/gmock.h>

#include "tests/unit/store_support.hpp"

namespace mxw::milter {
namespace {

using store::at;
using store::value_of;
using testing::AllOf;
using testing::HasSubstr;

class MilterControl : public testing::Test {
 protected:
  MilterControl()
      : control_(
            directory_.file("milter.db"), [](JsonWriter& json) { json.member("x", 1); },
            [] { return at(100); }) {}
  void keep(const std::vector<store::DecisionRow>& rows) {
    value_of(value_of(store::MilterStore::open(directory_.file("milter.db")))->append(rows));
  }
  static store::DecisionRow row(std::int64_t second, const std::string& id = {}) {
    return {.time = at(second),
            .session = "s",
            .queue_id = id,
            .listener = "MTA",
            .role = "relay",
            .domain = "example.org",
            .action = "tag",
            .reason = "path-blocked"};
  }
  std::string ask(const std::string& members) {
    return control_.answer("{\"v\":1," + members + "}");
  }

  store::TemporaryDirectory directory_;
  Control control_;
};

TEST_F(MilterControl, Explains) {
  keep({row(1, "4bXy"), row(2)});
  EXPECT_EQ(ask(R"("cmd":"explain","queue_id":"4bXy")"),
            R"({"v":1,"ok":true,"cut":false,"rows":[{"v":1,"time":1795000001000000000,)"
            R"("session":"s","queue_id":"4bXy","listener":"MTA","role":"relay",)"
            R"("domain":"example.org","verdict_id":"","action":"tag","code":"",)"
            R"("reason":"path-blocked","dry_run":false,"began":0,"rule":""}],)"
            R"("others":0,"starts":[]})");
  EXPECT_THAT(ask(R"("cmd":"explain","domain":"Example.ORG")"),
              testing::AllOf(HasSubstr("1795000001"), HasSubstr("1795000002")));
  EXPECT_THAT(
      ask(R"("cmd":"explain","domain":"example.org","from":1795000002000000000,"to":1795000003000000000)"),
      testing::AllOf(testing::Not(HasSubstr("1795000001")), HasSubstr("1795000002")));
  EXPECT_EQ(ask(R"("cmd":"explain","queue_id":"none")"),
            R"({"v":1,"ok":true,"cut":false,"rows":[],"others":0,"starts":[]})");
}

// Postfix uses short queue ids again.
TEST_F(MilterControl, ExplainsOneOfTheMailsThatHadAQueueId) {
  const auto of = [](std::int64_t began, std::int64_t time) {
    store::DecisionRow decision = row(time, "4bXy");
    decision.began = at(began);
    return decision;
  };
  keep({of(10, 11), of(10, 12), of(20, 21), of(30, 31), row(40, "5cZz")});
  const auto asked = [&](const std::string& when) {
    return ask(R"("cmd":"explain","queue_id":"4bXy")" + when);
  };
  const auto when = [](std::int64_t second) { return R"(,"at":)" + std::to_string(at(second).ns); };
  const auto time_of_row = [](std::int64_t second) {
    return HasSubstr(R"("time":)" + std::to_string(at(second).ns));
  };
  using testing::Not;
  EXPECT_THAT(
      asked(""),
      AllOf(time_of_row(31), Not(time_of_row(21)), Not(time_of_row(12)),
            HasSubstr(R"("others":2,"starts":[1795000020000000000,1795000010000000000]})")));
  EXPECT_THAT(
      asked(when(29)),
      AllOf(time_of_row(21), Not(time_of_row(31)), Not(time_of_row(12)),
            HasSubstr(R"("others":2,"starts":[1795000030000000000,1795000010000000000]})")));
  EXPECT_THAT(asked(when(10)), AllOf(time_of_row(11), time_of_row(12), Not(time_of_row(21))));
  EXPECT_THAT(asked(when(9)),
              AllOf(HasSubstr(R"("rows":[],"others":3,)"), HasSubstr("1795000010")));
}

TEST_F(MilterControl, TellsSoManyStartsOfOtherMails) {
  std::vector<store::DecisionRow> rows;
  for (std::int64_t i = 1; i <= 30; ++i) {
    rows.push_back(row(i, "4bXy"));
    rows.back().began = at(i);
  }
  keep(rows);
  const std::string text = ask(R"("cmd":"explain","queue_id":"4bXy")");
  EXPECT_THAT(text, AllOf(HasSubstr(R"("others":29,"starts":[1795000029)"),
                          HasSubstr(R"(1795000010000000000]})")));
}

// A longer answer would be none: the socket is closed.
TEST_F(MilterControl, AnAnswerIsNeverLongerThanTheSocketTakes) {
  std::vector<store::DecisionRow> rows;
  std::string domain = std::string(63, 'a') + '.' + std::string(63, 'b') + '.' +
                       std::string(63, 'c') + '.' + std::string(57, 'd') + ".org";
  for (std::int64_t i = 0; i < 100; ++i) {
    rows.push_back(row(i, std::string(64, 'Q')));
    rows.back().domain = domain;
    rows.back().listener = std::string(64, 'L');
    rows.back().verdict_id = std::string(128, 'v');
  }
  keep(rows);
  const std::string of_domain = ask(R"("cmd":"explain","domain":")" + domain + '"');
  EXPECT_LE(of_domain.size(), ipc::kAnswerBytes);
  EXPECT_THAT(of_domain, AllOf(HasSubstr("\"cut\":true"), HasSubstr("1795000099000000000"),
                               testing::Not(HasSubstr("1795000000000000000"))));
  const std::string of_mail = ask(R"("cmd":"explain","queue_id":")" + std::string(64, 'Q') + '"');
  EXPECT_LE(of_mail.size(), ipc::kAnswerBytes);
  EXPECT_THAT(of_mail, AllOf(HasSubstr("\"cut\":true"), HasSubstr("1795000000000000000"),
                             testing::Not(HasSubstr("1795000099000000000"))));
}

TEST_F(MilterControl, SaysThatThereAreMoreAndGivesTheNewest) {
  std::vector<store::DecisionRow> rows;
  for (std::int64_t i = 0; i < 101; ++i) rows.push_back(row(i));
  keep(rows);
  const std::string newest = ask(R"("cmd":"explain","domain":"example.org")");
  EXPECT_THAT(newest, testing::AllOf(HasSubstr("\"cut\":true"), HasSubstr("1795000100000"),
                                     testing::Not(HasSubstr("1795000000000"))));
  EXPECT_LT(newest.size(), ipc::kAnswerBytes);
  EXPECT_THAT(ask(R"("cmd":"explain","domain":"example.org","from":1)"),
              testing::AllOf(HasSubstr("\"cut\":true"), HasSubstr("1795000000000"),
                             testing::Not(HasSubstr("1795000100000"))));
}

TEST_F(MilterControl, TalliesForImpact) {
  keep({row(1), row(2)});
  EXPECT_EQ(ask(R"("cmd":"impact")"),
            R"({"v":1,"ok":true,"tally":[{"v":1,"role":"relay","action":"tag",)"
            R"("reason":"path-blocked","dry_run":false,"count":2,"domains":1}]})");
  EXPECT_EQ(ask(R"("cmd":"impact","from":1795000003000000000)"), R"({"v":1,"ok":true,"tally":[]})");
}

TEST_F(MilterControl, RefusesWhatIsNoRequest) {
  EXPECT_EQ(ask(R"("cmd":"status")"), R"({"v":1,"ok":true,"x":1})");
  for (const char* const text : {"", "{", "[]", "{\"v\":2,\"cmd\":\"status\"}", "\xff\xfe"})
    EXPECT_THAT(control_.answer(text), HasSubstr("no request of version 1")) << text;
  EXPECT_THAT(ask(R"("cmd":"nonsense")"), HasSubstr("unknown command: nonsense"));
  EXPECT_THAT(ask(R"("x":1)"), HasSubstr("no command"));
  EXPECT_THAT(ask(R"("cmd":"explain","domain":"a b")"), HasSubstr("\"ok\":false"));  // no store
  keep({});
  EXPECT_THAT(ask(R"("cmd":"explain","domain":"a b")"), HasSubstr("no queue id or domain name"));
}

}  // namespace
}  // namespace mxw::milter
