#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/map_support.hpp"

namespace mxw::map {
namespace {

using config::PostfixDane;
using policy::Mode;

constexpr std::string_view kSecure = "OK secure match=mx.example.org servername=hostname";

// One line: what is said, what would be, why, what held it, how fresh.
std::string line_of(const Answer& answer) {
  constexpr std::string_view kFreshness[] = {"hot", "stale", "cold"};
  std::string out(name(answer.said));
  for (const std::string_view word : {name(answer.would_be), name(answer.basis), name(answer.held),
                                      kFreshness[static_cast<std::size_t>(answer.freshness)]}) {
    out.append(" ").append(word);
  }
  return out;
}

struct Given {
  Options options = enforcing();
  Brake brake;
  Dialect dialect = Dialect::postfix;
  KeyKind kind = KeyKind::domain;
  Time now = kNow;
  bool off = false;
  std::string domain = "example.org";
};

struct Result {
  std::string line, reply;
};

Result decide(const Known* known, const Given& given = {}) {
  const Compiled facts = compile(given.domain, known, given.brake, given.options);
  const Answer answer =
      choose(&facts, given.dialect, given.kind, {given.now, given.off, given.options.enforce});
  return {line_of(answer), payload_of(answer.reply)};
}

Known enforce_known() {
  return policy_of(Mode::enforce, {"mx.example.org"});
}

Brake brake_of(Brake::Action action, std::vector<std::string> mx = {}) {
  return {action, std::move(mx)};
}

Given with_dane(PostfixDane level) {
  Given given;
  given.options.postfix_dane = level;
  return given;
}

Known dane_known(DaneState state) {
  Known known = enforce_known();
  known.dane = state;
  known.dane_until = kNow + kHour;
  return known;
}

TEST(MapAnswer, AnEnforcedPolicyIsToldAndNothingElseIs) {
  const Known enforce = enforce_known();
  EXPECT_EQ(decide(&enforce).line, "secure secure sts nothing hot");
  EXPECT_EQ(decide(&enforce).reply, kSecure);
  const Known none = none_known();
  EXPECT_EQ(decide(&none).line, "notfound notfound none nothing hot");
  EXPECT_EQ(decide(&none).reply, kNotFoundText);
  const Known testing = policy_of(Mode::testing, {"mx.example.org"});
  EXPECT_EQ(decide(&testing).line, "notfound notfound testing nothing hot");
  const Known off = policy_of(Mode::none, {});
  EXPECT_EQ(decide(&off).line, "notfound notfound mode_none nothing hot");
  EXPECT_EQ(decide(nullptr).line, "notfound notfound unknown nothing cold");
  Known unknown;
  unknown.state = rows::DomainState::unknown;
  EXPECT_EQ(decide(&unknown).line, "notfound notfound unknown nothing cold");
}

TEST(MapAnswer, StrictTestingTakesTestingAsEnforce) {
  const Known testing = policy_of(Mode::testing, {"mx.example.org"});
  Given given;
  given.options.strict_testing = true;
  EXPECT_EQ(decide(&testing, given).line, "secure secure sts nothing hot");
  EXPECT_EQ(decide(&testing, given).reply, kSecure);
}

TEST(MapAnswer, APolicyCountsUpToItsLastMomentAndIsAskedForAfterwards) {
  const Known known = enforce_known();
  Given given;
  given.now = known.valid_until;
  EXPECT_EQ(decide(&known, given).line, "secure secure sts nothing stale");
  given.now = known.valid_until + 1;
  EXPECT_EQ(decide(&known, given).line, "notfound notfound expired nothing cold");
}

TEST(MapAnswer, APolicyIsHintedAfterItsTxtTtlOrFiveMinutes) {
  Known known = enforce_known();
  const auto line_at = [&](std::int64_t age) {
    Given given;
    given.now = kNow + age;
    return decide(&known, given).line;
  };
  EXPECT_EQ(line_at(5 * kMinute), "secure secure sts nothing hot");
  EXPECT_EQ(line_at(5 * kMinute + 1), "secure secure sts nothing stale");
  known.txt_until = kNow + kMinute;  // a short TTL does not make it shorter
  EXPECT_EQ(line_at(5 * kMinute), "secure secure sts nothing hot");
  EXPECT_EQ(line_at(5 * kMinute + 1), "secure secure sts nothing stale");
  known.txt_until = kNow + kHour;
  EXPECT_EQ(line_at(kHour), "secure secure sts nothing hot");
  EXPECT_EQ(line_at(kHour + 1), "secure secure sts nothing stale");
}

TEST(MapAnswer, ANoneRowIsFreshForAnHourAndHotForADay) {
  const Known known = none_known();
  const auto line_at = [&](std::int64_t age) {
    Given given;
    given.now = kNow + age;
    return decide(&known, given).line;
  };
  EXPECT_EQ(line_at(kHour), "notfound notfound none nothing hot");
  EXPECT_EQ(line_at(kHour + 1), "notfound notfound none nothing stale");
  EXPECT_EQ(line_at(kDay), "notfound notfound none nothing stale");
  EXPECT_EQ(line_at(kDay + 1), "notfound notfound none nothing cold");
}

TEST(MapAnswer, ObserveSaysNothingAtOnceAndKnowsWhatItWouldSay) {
  Given given;
  given.options.enforce = false;
  const Known known = enforce_known();
  EXPECT_EQ(decide(&known, given).line, "notfound secure sts observe hot");
  EXPECT_EQ(decide(&known, given).reply, kNotFoundText);
  EXPECT_EQ(decide(nullptr, given).line, "notfound notfound unknown observe stale");
  given.brake = brake_of(Brake::Action::pin);
  EXPECT_EQ(decide(nullptr, given).line, "notfound encrypt pin observe stale");
}

TEST(MapAnswer, TheOrderIsOffBypassPinDaneSts) {
  Given given = with_dane(PostfixDane::dane);
  const Known known = dane_known(DaneState::all);
  EXPECT_EQ(decide(&known, given).line, "dane dane dane nothing hot");
  given.brake = brake_of(Brake::Action::pin, {"pinned.example.org"});
  EXPECT_EQ(decide(&known, given).line, "secure secure pin nothing hot");
  given.off = true;
  EXPECT_EQ(decide(&known, given).line, "notfound secure pin off hot");
  given.brake = brake_of(Brake::Action::bypass);
  EXPECT_EQ(decide(&known, given).line, "notfound dane dane off hot");
  given.off = false;
  EXPECT_EQ(decide(&known, given).line, "notfound dane dane bypass hot");
  given.options.enforce = false;
  EXPECT_EQ(decide(&known, given).line, "notfound dane dane bypass hot");
  given.options.enforce = true;
  given.brake = brake_of(Brake::Action::report_only);
  EXPECT_EQ(decide(&known, given).line, "notfound dane dane report_only hot");
}

TEST(MapAnswer, WhatIsHeldBackWaitsForNobody) {
  for (const auto action : {Brake::Action::bypass, Brake::Action::report_only}) {
    Given given;
    given.brake = brake_of(action);
    EXPECT_TRUE(decide(nullptr, given).line.ends_with(" stale"));
  }
  Given given;
  given.off = true;
  EXPECT_EQ(decide(nullptr, given).line, "notfound notfound unknown off stale");
}

TEST(MapAnswer, APinIsItsNamesElseTheStoredOnesElseEncrypt) {
  Given given;
  given.brake = brake_of(Brake::Action::pin, {"pinned.example.org"});
  const Known known = enforce_known();
  EXPECT_EQ(decide(&known, given).reply, "OK secure match=pinned.example.org servername=hostname");
  EXPECT_EQ(decide(nullptr, given).line, "secure secure pin nothing stale");
  given.brake.mx.clear();
  EXPECT_EQ(decide(&known, given).reply, kSecure);
  given.now = known.valid_until + kDay;  // the operator's word does not run out
  EXPECT_EQ(decide(&known, given).line, "secure secure pin nothing stale");
  given.now = kNow;
  const Known none = none_known();
  EXPECT_EQ(decide(&none, given).reply, "OK encrypt");
  EXPECT_EQ(decide(nullptr, given).line, "encrypt encrypt pin nothing cold");
  given.dialect = Dialect::sendmail;
  EXPECT_EQ(decide(&none, given).line, "notfound notfound pin nothing hot");
  EXPECT_EQ(decide(&known, given).reply, kSecure);
  given.dialect = Dialect::postfix;
  given.brake.mx.assign(5'000, "");
  for (std::size_t i = 0; i < given.brake.mx.size(); ++i) {
    given.brake.mx[i] = "mx" + std::to_string(i) + ".long.example.org";
  }
  EXPECT_EQ(decide(&known, given).reply, "OK encrypt");  // too many for a reply
}

struct DaneCase {
  PostfixDane level;
  DaneState state;
  std::string_view reply;
};

// An answer about TLSA that somebody held back must not take an enforced policy away: level dane is
// opportunistic at a server without records.
TEST(MapAnswer, DaneIsToldToPostfixAsConfiguredAndTakesNoPolicyAway) {
  const DaneCase cases[] = {
      {PostfixDane::none, DaneState::all, kSecure},
      {PostfixDane::none, DaneState::error, kSecure},
      {PostfixDane::dane, DaneState::none, kSecure},
      {PostfixDane::dane, DaneState::some, kSecure},
      {PostfixDane::dane, DaneState::all, "OK dane"},
      {PostfixDane::dane, DaneState::error, kSecure},
      {PostfixDane::dane_only, DaneState::none, kSecure},
      {PostfixDane::dane_only, DaneState::some, kSecure},
      {PostfixDane::dane_only, DaneState::all, "OK dane-only"},
      {PostfixDane::dane_only, DaneState::error, kSecure},
  };
  for (const DaneCase& c : cases) {
    Given given = with_dane(c.level);
    const Known known = dane_known(c.state);
    EXPECT_EQ(decide(&known, given).reply, c.reply);
    given.dialect = Dialect::sendmail;  // which ignores all but secure
    EXPECT_EQ(decide(&known, given).reply, kSecure);
  }
}

// PERM would bounce mail, TEMP and TIMEOUT would hold it for a trouble of ours: whatever is known,
// the reply is a level of TLS or nothing (RFC 8461 section 5: no failure here is permanent).
TEST(MapAnswer, NoReplyIsEverAFailure) {
  std::vector<Known> all = {Known{}, none_known()};
  for (const auto mode : {Mode::none, Mode::testing, Mode::enforce}) {
    for (const auto dane : {DaneState::none, DaneState::some, DaneState::all, DaneState::error}) {
      for (const std::vector<std::string>& mx :
           {std::vector<std::string>{"mx.example.org"}, {"*.other.test"}, {"*"}, {}}) {
        Known known = policy_of(mode, mx);
        known.dane = dane;
        all.push_back(known);
      }
    }
  }
  for (const Known& known : all) {
    for (const auto action : {Brake::Action::none, Brake::Action::bypass, Brake::Action::pin}) {
      for (const auto kind : {KeyKind::domain, KeyKind::smart_host}) {
        for (const auto dialect : {Dialect::postfix, Dialect::sendmail}) {
          Given given = with_dane(PostfixDane::dane_only);
          given.brake = brake_of(action);
          given.kind = kind;
          given.dialect = dialect;
          const std::string reply = decide(&known, given).reply;
          EXPECT_TRUE(reply == kNotFoundText || reply.starts_with("OK ")) << reply;
        }
      }
    }
  }
}

// Snawoot #67: RFC 8461 section 2 lets MTA-STS override no DANE, whether it holds or fails.
TEST(MapAnswer, WhereEveryServerHasDaneAPolicyDoesNotOverrideIt) {
  const Known known = dane_known(DaneState::all);
  EXPECT_EQ(decide(&known, with_dane(PostfixDane::dane)).reply, "OK dane");
  EXPECT_EQ(decide(&known, with_dane(PostfixDane::dane_only)).reply, "OK dane-only");
}

TEST(MapAnswer, WithoutAnEnforcedPolicyAnErrorOfDaneIsNeverNotFound) {
  for (const auto dane : {DaneState::some, DaneState::error}) {
    Known known = dane_known(dane);
    known.mode = policy::Mode::testing;
    EXPECT_EQ(decide(&known, with_dane(PostfixDane::dane)).reply, "OK dane");
    EXPECT_EQ(decide(&known, with_dane(PostfixDane::dane_only)).reply, "OK dane");
  }
}

TEST(MapAnswer, DaneIsHintedAtItsEndAndIsAnErrorForADay) {
  for (const auto level : {PostfixDane::dane, PostfixDane::dane_only}) {
    Given given = with_dane(level);
    Known known = dane_known(DaneState::all);
    known.txt_until = known.valid_until = kNow + 3 * kDay;
    given.now = known.dane_until;
    const std::string whole = level == PostfixDane::dane ? "dane" : "dane-only";
    EXPECT_EQ(decide(&known, given).line, whole + " " + whole + " dane nothing hot");
    given.now = known.dane_until + 1;
    EXPECT_EQ(decide(&known, given).line, "secure secure sts nothing stale")
        << "not asked again: the policy binds";
    known.mode = policy::Mode::testing;
    EXPECT_EQ(decide(&known, given).line, "dane dane dane nothing stale") << "no downgrade";
    given.now = known.dane_until + kDay;
    EXPECT_EQ(decide(&known, given).line, "dane dane dane nothing stale");
    known.mode = policy::Mode::enforce;
    given.now = known.dane_until + (kDay + 1);
    EXPECT_EQ(decide(&known, given).line, "secure secure sts nothing stale");
  }
}

TEST(MapAnswer, ADaneAnswerDoesNotWaitForAPolicy) {
  Known known = dane_known(DaneState::all);
  known.state = rows::DomainState::unknown;
  EXPECT_EQ(decide(&known, with_dane(PostfixDane::dane)).line, "dane dane dane nothing stale");
}

TEST(MapAnswer, ASmartHostIsAnsweredOnlyWhenItsOwnPolicyNamesIt) {
  Given given;
  given.kind = KeyKind::smart_host;
  given.domain = "mx.example.org";
  const Known own = enforce_known();
  EXPECT_EQ(decide(&own, given).reply, kSecure);
  const Known wildcard = policy_of(Mode::enforce, {"*.example.org"});
  EXPECT_EQ(decide(&wildcard, given).reply, "OK secure match=.example.org servername=hostname");
  const Known other = policy_of(Mode::enforce, {"other.example.org", "*.mx.example.org"});
  EXPECT_EQ(decide(&other, given).line, "notfound notfound host_mismatch nothing hot");
  given.brake = brake_of(Brake::Action::pin, {"other.example.org"});
  EXPECT_EQ(decide(&own, given).line, "notfound notfound host_mismatch nothing hot");
  given.brake = {};
  given.options.postfix_dane = PostfixDane::dane;  // of the MX hosts, not of this host
  const Known dane = dane_known(DaneState::all);
  EXPECT_EQ(decide(&dane, given).reply, kSecure);
}

TEST(MapAnswer, WithoutAUsablePatternThereIsNothingToTell) {
  const Known known = policy_of(Mode::enforce, {"*", "a.example protocols=SSLv3"});
  EXPECT_EQ(decide(&known).line, "notfound notfound unmatchable nothing hot");
  EXPECT_EQ(decide(&known).reply, kNotFoundText);
}

TEST(MapAnswer, TheAttributesAreForPostfixAndForPoliciesOnly) {
  Given given;
  given.options.tlsrpt_attributes = true;
  const Known known = enforce_known();
  const std::string attributes =
      " policy_type=sts policy_domain=example.org"
      " mx_host_pattern=mx.example.org";
  EXPECT_EQ(decide(&known, given).reply, std::string(kSecure) + attributes);
  given.dialect = Dialect::sendmail;
  EXPECT_EQ(decide(&known, given).reply, kSecure);
  given.dialect = Dialect::postfix;
  given.brake = brake_of(Brake::Action::pin);
  EXPECT_EQ(decide(&known, given).reply, kSecure);
}

TEST(MapAnswer, SettingsComeFromTheConfiguration) {
  config::Map settings;
  EXPECT_FALSE(options_of(settings).enforce);
  settings.enforcement = config::Enforcement::enforce;
  settings.postfix_dane = PostfixDane::dane_only;
  settings.servername = false;
  settings.strict_testing = settings.tlsrpt_attributes = true;
  const Options options = options_of(settings);
  EXPECT_TRUE(options.enforce && options.strict_testing && options.tlsrpt_attributes);
  EXPECT_FALSE(options.servername);
  EXPECT_EQ(options.postfix_dane, PostfixDane::dane_only);
}

}  // namespace
}  // namespace mxw::map
