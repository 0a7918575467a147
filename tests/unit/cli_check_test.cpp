// The report of `policy check`: facts in, verdict, advice and exit code out; two reports whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/check_report.hpp"

namespace mxw::cli {
namespace {

using https::Cause;
using policyd::MxKind;
using resolve::Outcome;
using testing::HasSubstr;
using testing::Not;

policyd::MxHost host(const char* name, std::uint16_t preference, const char* address) {
  policyd::MxHost out;
  out.name = name;
  out.preference = preference;
  out.security = policy::AddressSecurity::insecure;
  out.addresses = {*IpAddress::parse(address)};
  return out;
}

CheckFacts good() {
  CheckFacts facts;
  facts.domain = "example.org";
  facts.at = *parse_rfc3339("2026-11-21T08:00:00Z");
  facts.resolvers = {"192.0.2.53:53"};
  facts.txt = {Outcome::ok, {"v=STSv1; id=a1"}, ""};
  facts.fetch = {Cause::ok, "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 604800\n",
                 ""};
  facts.mx.kind = MxKind::mx;
  facts.mx.hosts = {host("mx1.example.org", 10, "192.0.2.25"),
                    host("mx2.example.org", 20, "2001:db8::25")};
  facts.tlsrpt = {true, "v=TLSRPTv1; rua=mailto:tls@example.org", 3600};
  return facts;
}

TEST(Check, AGoodDomainReadsWhole) {
  const auto report = judge_check(good());
  EXPECT_EQ(check_exit(report), 0);
  EXPECT_EQ(check_text(report, false),
            "example.org has an MTA-STS policy that is enforced, and every MX host matches it.\n"
            "\n"
            "record  _mta-sts.example.org\n"
            "    ok    one valid record, id a1\n"
            "          \"v=STSv1; id=a1\"\n"
            "          strict: valid, tolerant: valid\n"
            "\n"
            "policy  https://mta-sts.example.org/.well-known/mta-sts.txt\n"
            "    ok    valid, mode enforce, max_age 604800 (7 d)\n"
            "          strict: valid, tolerant: valid\n"
            "          mx: *.example.org\n"
            "\n"
            "MX\n"
            "  10 mx1.example.org\n"
            "          192.0.2.25\n"
            "    ok    MTA-STS: matches the policy\n"
            "    note  DNSSEC and DANE: not judged, the resolver is not said to validate\n"
            "  20 mx2.example.org\n"
            "          2001:db8::25\n"
            "    ok    MTA-STS: matches the policy\n"
            "    note  DNSSEC and DANE: not judged, the resolver is not said to validate\n"
            "\n"
            "reports  _smtp._tls.example.org\n"
            "    ok    reports go to mailto:tls@example.org\n");
}

TEST(Check, EveryFailingPointSaysWhatToDo) {
  CheckFacts facts = good();
  facts.txt.texts = {"v=STSv1;; id=a1"};
  facts.fetch.body = "version: STSv1\n\nmode: enforce\nmx: mx1.example.org\nmax_age: 1\n";
  facts.mx.hosts[1].security = policy::AddressSecurity::none;
  facts.mx.hosts[1].addresses.clear();
  facts.tlsrpt.record = "v=TLSRPTv1;";
  const auto report = judge_check(facts);
  EXPECT_EQ(check_exit(report), 1);
  const std::string text = check_text(report, false);
  EXPECT_TRUE(text.starts_with(
      "example.org has no MTA-STS policy that senders can use: 4 things are wrong.\n"))
      << text;
  EXPECT_THAT(text, HasSubstr("strict: not valid, tolerant: valid"));
  EXPECT_THAT(text, HasSubstr("line 2: line ''"));
  std::size_t bad = 0, advice = 0;
  for (std::size_t at = 0; (at = text.find("    BAD   ", at)) != std::string::npos; ++at) ++bad;
  for (std::size_t at = 0; (at = text.find("          -> ", at)) != std::string::npos; ++at)
    ++advice;
  EXPECT_EQ(bad, 4U);
  EXPECT_EQ(advice, 4U);
}

struct Case {
  const char* name;
  void (*change)(CheckFacts& facts);
  int exit;
  const char* first;  // line
  const char* also;   // somewhere
};

TEST(Check, VerdictsAndExitCodes) {
  const Case cases[] = {
      {"unlisted MX", [](CheckFacts& f) { f.mx.hosts[1].name = "mx.example.net"; }, 1,
       "that is enforced: 1 thing is wrong.", "-> add to the policy: mx: mx.example.net"},
      {"testing",
       [](CheckFacts& f) { f.fetch.body.replace(f.fetch.body.find("enforce"), 7, "testing"); }, 0,
       "in testing, which protects nothing", "note  testing:"},
      {"nothing published",
       [](CheckFacts& f) {
         f.txt = {Outcome::nxdomain, {}, ""};
         f.fetch = {Cause::no_address, "", "nxdomain"};
       },
       0, "example.org publishes no MTA-STS policy.", "there is no policy host"},
      {"two records", [](CheckFacts& f) { f.txt.texts.push_back("v=STSv1; id=b"); }, 1,
       "no MTA-STS policy that senders can use: 2 things", "2 records: senders ignore all"},
      {"policy without record", [](CheckFacts& f) { f.txt = {Outcome::nodata, {}, ""}; }, 1,
       "1 thing is wrong", "-> publish the TXT record"},
      {"DNS silent", [](CheckFacts& f) { f.txt = {Outcome::timeout, {}, "no answer"}; }, 4,
       "could not be found out.", "timeout (no answer)"},
      {"bogus", [](CheckFacts& f) { f.txt = {Outcome::bogus, {}, ""}; }, 4,
       "could not be found out", "signatures do not hold"},
      {"certificate", [](CheckFacts& f) { f.fetch = {Cause::certificate_expired, "", "expired"}; },
       1, "no MTA-STS policy that senders can use: 1 thing", "-> renew the certificate"},
      {"our own trouble", [](CheckFacts& f) { f.fetch = {Cause::local, "", "no memory"}; }, 4,
       "policy could not be found out", "?     the policy could not be fetched"},
      {"MX unknown",
       [](CheckFacts& f) {
         f.mx = {};
         f.mx.word = "servfail";
       },
       4, "1 of what matters could not be found out", "its MX could not be looked up: servfail"},
      {"null MX",
       [](CheckFacts& f) {
         f.mx.kind = MxKind::null_mx;
         f.mx.hosts.clear();
       },
       0, "example.org takes no mail", "null MX"},
      {"no such domain",
       [](CheckFacts& f) {
         f.txt = {Outcome::nxdomain, {}, ""};
         f.fetch = {Cause::no_address, "", ""};
         f.mx = {};
         f.mx.kind = MxKind::none;
       },
       1, "example.org does not exist", "-> look at its spelling"},
  };
  for (const Case& one : cases) {
    CheckFacts facts = good();
    one.change(facts);
    const auto report = judge_check(facts);
    const std::string text = check_text(report, false);
    EXPECT_EQ(check_exit(report), one.exit) << one.name << '\n' << text;
    EXPECT_THAT(text.substr(0, text.find('\n')), HasSubstr(one.first)) << one.name;
    EXPECT_THAT(text, HasSubstr(one.also)) << one.name;
  }
}

// A name whose lookup failed is not one without address.
TEST(Check, AFailedAddressLookupOfThePolicyHostIsUnknown) {
  CheckFacts facts = good();
  facts.fetch = {Cause::no_address, "", "A: servfail, AAAA: nodata", "A: servfail"};
  for (const bool announced : {true, false}) {
    if (!announced) facts.txt = {Outcome::nxdomain, {}, ""};
    const auto report = judge_check(facts);
    EXPECT_EQ(check_exit(report), 4);
    const std::string text = check_text(report, false);
    EXPECT_THAT(text, HasSubstr("?     the address of mta-sts.example.org could not be looked up"))
        << text;
    EXPECT_THAT(text, HasSubstr("up: A: servfail")) << text;
    EXPECT_THAT(text, Not(HasSubstr("BAD"))) << text;
    EXPECT_THAT(text, Not(HasSubstr("there is no policy host"))) << text;
    EXPECT_THAT(report.sentence, Not(HasSubstr("no MTA-STS policy that senders can use")));
    EXPECT_THAT(check_json(report), HasSubstr(R"("policy":{"fetch":"address_unknown")"));
  }
  facts = good();
  facts.fetch = {Cause::no_address, "", "A: nodata, AAAA: nodata", ""};
  EXPECT_EQ(check_exit(judge_check(facts)), 1) << "announced, and DNS says that it has no address";
}

TEST(Check, WhatOurOwnTroubleHidIsNotSaidToBeMissing) {
  CheckFacts facts = good();
  facts.fetch = {Cause::local, "", "no memory"};
  EXPECT_THAT(judge_check(facts).sentence,
              HasSubstr("whether example.org has an MTA-STS policy could not be found out"));
}

TEST(Check, DaneOfEveryHostIsTold) {
  CheckFacts facts = good();
  facts.validating = true;
  facts.mx.secure = true;
  for (policyd::MxHost& mx : facts.mx.hosts) {
    mx.security = policy::AddressSecurity::secure;
    mx.tlsa.answer = policy::TlsaAnswer::present;
    mx.tlsa.base = mx.name;
    mx.tlsa.records = {{3, 1, 1, std::vector<std::uint8_t>(32, 0xab)}};
  }
  EXPECT_THAT(judge_check(facts).sentence, HasSubstr("DANE protects all its MX hosts."));
  facts.mx.hosts[1].tlsa.records[0].usage = 1;
  const auto unusable = judge_check(facts);
  EXPECT_EQ(check_exit(unusable), 1);
  EXPECT_THAT(check_text(unusable, false), HasSubstr("TLSA 1 1 1 abababababababab.. (not usable)"));
  facts.mx.hosts[1].tlsa = {};
  facts.mx.hosts[1].tlsa.answer = policy::TlsaAnswer::error;
  facts.mx.hosts[1].tlsa.word = "servfail";
  const auto failed = judge_check(facts);
  EXPECT_EQ(check_exit(failed), 4);  // never "no DANE"
  EXPECT_THAT(check_text(failed, false), HasSubstr("?     DANE: could not be found out: servfail"));
  facts.mx.hosts[1].tlsa.answer = policy::TlsaAnswer::absent;
  EXPECT_THAT(judge_check(facts).sentence, HasSubstr("DANE protects some of its MX hosts."));
}

TEST(Check, ColourIsOnlyAddedAndStrangersTextIsHarmless) {
  CheckFacts facts = good();
  facts.txt.texts = {"v=STSv1; id=\033[31mred"};
  const auto report = judge_check(facts);
  EXPECT_THAT(check_text(report, false), Not(HasSubstr("\033")));
  EXPECT_THAT(check_json(report), Not(HasSubstr("\\u001b")));
  std::string coloured = check_text(report, true);
  EXPECT_THAT(coloured, HasSubstr("\033[31m"));
  for (const char* code : {"\033[31m", "\033[32m", "\033[33m", "\033[0m"})
    for (std::size_t at = 0; (at = coloured.find(code)) != std::string::npos;)
      coloured.erase(at, std::string(code).size());
  EXPECT_EQ(coloured, check_text(report, false));
}

TEST(Check, JsonLeavesOutWhatIsNotKnown) {
  EXPECT_THAT(
      check_json(judge_check(good())),
      HasSubstr(R"("record":{"dns":"ok","txt":["v=STSv1; id=a1"],"valid":true,"id":"a1",)"));
  CheckFacts facts = good();
  facts.txt = {Outcome::timeout, {}, ""};
  facts.fetch = {Cause::timeout, "", ""};
  const std::string json = check_json(judge_check(facts));
  EXPECT_THAT(json, HasSubstr(R"("verdict":"unknown")"));
  EXPECT_THAT(json, Not(HasSubstr(R"("valid":)")));
  EXPECT_THAT(json, Not(HasSubstr(R"("match":)")));
  EXPECT_THAT(json, Not(HasSubstr(R"("secure":)")));  // nobody validated
}

}  // namespace
}  // namespace mxw::cli
