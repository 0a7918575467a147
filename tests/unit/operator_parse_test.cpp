// The contents of operator files: what is taken, what is not and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/operator/read.hpp"
#include "operator_support.hpp"

namespace mxw::operators {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Good {
  const char* json;
  Action action;
  const char* until;  // empty: none
};

TEST(OperatorParse, GoodDomainFiles) {
  for (const Good& good : {
           Good{R"({"action":"bypass","until":"2026-11-21T12:00:00Z"})", Action::bypass,
                "2026-11-21T12:00:00Z"},
           {R"({"action":"report_only","until":"2026-11-21T13:00:00+01:00","reason":"x"})",
            Action::report_only, "2026-11-21T12:00:00Z"},
           {R"( {"until":"2026-11-28T08:00:00Z","action":"bypass"} )", Action::bypass,
            "2026-11-28T08:00:00Z"},  // seven days to the second
           {R"({"action":"pin"})", Action::pin, ""},
           {R"({"action":"pin","until":"2036-11-21T08:00:00Z"})", Action::pin,
            "2036-11-21T08:00:00Z"},
           {R"({"action":"pin","ticket":17,"tags":["a"],"reason":17,"who":null})", Action::pin, ""},
           {R"({"action":"bypass","until":"2026-11-20T08:00:00Z"})", Action::bypass,
            "2026-11-20T08:00:00Z"},  // has ended
       }) {
    const auto brake = parse_brake(good.json, kNow, kNow);
    ASSERT_TRUE(brake) << good.json << ": " << brake.error();
    EXPECT_EQ(brake->action, good.action) << good.json;
    EXPECT_EQ(brake->until ? format_rfc3339(*brake->until) : "", good.until) << good.json;
  }
}

struct Bad {
  std::string json;
  const char* reason;
};

TEST(OperatorParse, BadDomainFilesSayWhy) {
  std::string many = R"({"action":"pin","mx":["a.test")";
  for (int i = 0; i < 256; ++i) many += ",\"a.test\"";
  for (const Bad& bad : {
           Bad{"", "no JSON object"},
           {"[]", "no JSON object"},
           {R"({"action":"bypass","until":"2026-11-21T12:00:00Z")", "no JSON object"},
           {R"({"action":"bypass","until":"2026-11-21T12:00:00Z"} x)", "no JSON object"},
           {std::string(kFileBytes + 1, ' '), "larger"},
           {std::string(kFileBytes, '['), "deeply"},
           {R"({"action":"pin","x":[[1]]})", "deeply"},
           {R"({"action":"pin","action":"bypass"})", "twice"},
           {R"({"action":"Bypass","until":"2026-11-21T12:00:00Z"})", "action"},
           {R"({"action":7,"until":"2026-11-21T12:00:00Z"})", "action"},
           {R"({"until":"2026-11-21T12:00:00Z"})", "action"},
           {R"({"action":"bypass"})", "void: until is missing"},
           {R"({"action":"report_only"})", "void: until is missing"},
           {R"({"action":"bypass","until":"2026-11-28T08:00:01Z"})", "void: until is more"},
           {R"({"action":"bypass","until":"tomorrow"})", "no time"},
           {R"({"action":"bypass","until":1795248000})", "no time"},
           {R"({"action":"pin","until":null})", "no time"},
           {R"({"action":"pin","mx":"mx.example.org"})", "no array"},
           {R"({"action":"pin","mx":["mx.example.org",1]})", "no host name"},
           {R"({"action":"pin","mx":["192.0.2.1"]})", "no host name"},
           {R"({"action":"pin","mx":["*"]})", "no host name"},
           {R"({"action":"pin","mx":["mx.*.example.org"]})", "no host name"},
           {many + "]}", "more than 256"},
       }) {
    const auto brake = parse_brake(bad.json, kNow, kNow);
    ASSERT_FALSE(brake) << bad.json;
    EXPECT_THAT(brake.error(), HasSubstr(bad.reason)) << bad.json;
  }
}

TEST(OperatorParse, NamesOfAPinAreLowerCaseALabels) {
  const auto brake = parse_brake(
      R"({"action":"pin","mx":["MX.Example.ORG.","*.b\u00fccher.example"]})", kNow, kNow);
  ASSERT_TRUE(brake) << brake.error();
  EXPECT_THAT(brake->mx, ElementsAre("mx.example.org", "*.xn--bcher-kva.example"));
}

TEST(OperatorParse, TextsThatAreOnlyShownAreCutAndPrintable) {
  const std::string json =
      R"({"action":"pin","who":"a\n\u001b[1mb","reason":")" + std::string(511, 'r') + "\u00fc\"}";
  const auto brake = parse_brake(json, kNow, kNow);
  ASSERT_TRUE(brake) << brake.error();
  EXPECT_EQ(brake->who, "a  [1mb");
  EXPECT_EQ(brake->reason, std::string(511, 'r'));  // never half a character
}

// The end is measured from when the file was written, so a restart says what the first reader said.
TEST(OperatorParse, AVoidFileDoesNotComeIntoForceByWaiting) {
  const char* json = R"({"action":"bypass","until":"2026-11-30T08:00:00Z"})";
  EXPECT_FALSE(parse_brake(json, kNow, kNow));
  EXPECT_FALSE(parse_brake(json, kNow, kNow + 5 * kDay));
  EXPECT_TRUE(parse_brake(json, kNow + 5 * kDay, kNow + 5 * kDay));
  EXPECT_FALSE(
      parse_brake(json, kNow + 5 * kDay, kNow));  // an mtime ahead of the clock lends nothing
}

TEST(OperatorParse, EnforcementFiles) {
  const auto off = parse_enforcement(
      R"({"state":"off","until":"2026-11-21T12:00:00Z","reason":"trouble","who":"a"})", kNow, kNow);
  EXPECT_TRUE(off.off);
  EXPECT_FALSE(off.unreadable);
  EXPECT_EQ(off.until, kNow + 4 * kHour);
  EXPECT_EQ(off.reason, "trouble");

  EXPECT_EQ(parse_enforcement(R"({"state":"on"})", kNow, kNow), Enforcement{});

  const auto far =
      parse_enforcement(R"({"state":"off","until":"2026-11-28T08:00:01Z"})", kNow, kNow);
  EXPECT_FALSE(far.off);
  EXPECT_FALSE(far.unreadable);
  EXPECT_THAT(far.reason, HasSubstr("void"));
}

TEST(OperatorParse, UnreadableEnforcementIsOffUntilFourHoursAfterItWasWritten) {
  for (const char* json :
       {"", "off", "{}", R"({"state":"of","until":"2026-11-21T12:00:00Z"})", R"({"state":"off"})",
        R"({"state":"off","until":"soon"})", R"({"state":"off","until":"2026-11-21T12:00:00Z")"}) {
    const auto said = parse_enforcement(json, kNow - kHour, kNow);
    EXPECT_TRUE(said.off) << json;
    EXPECT_TRUE(said.unreadable) << json;
    EXPECT_EQ(said.until, kNow + 3 * kHour) << json;
  }
  EXPECT_FALSE(parse_enforcement("", kNow + 8 * kDay, kNow).off);  // no end a brake may have
}

}  // namespace
}  // namespace mxw::operators
