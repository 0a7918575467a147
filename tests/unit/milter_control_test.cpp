// The milter's control socket: what it says of its store, and to octets that are no request.
#include "milter/control.hpp"

#include <gmock/gmock.h>

#include "tests/unit/store_support.hpp"

namespace mxw::milter {
namespace {

using store::at;
using store::value_of;
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
            R"("reason":"path-blocked","dry_run":false}]})");
  EXPECT_THAT(ask(R"("cmd":"explain","domain":"Example.ORG")"),
              testing::AllOf(HasSubstr("1795000001"), HasSubstr("1795000002")));
  EXPECT_THAT(
      ask(R"("cmd":"explain","domain":"example.org","from":1795000002000000000,"to":1795000003000000000)"),
      testing::AllOf(testing::Not(HasSubstr("1795000001")), HasSubstr("1795000002")));
  EXPECT_EQ(ask(R"("cmd":"explain","queue_id":"none")"),
            R"({"v":1,"ok":true,"cut":false,"rows":[]})");
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
