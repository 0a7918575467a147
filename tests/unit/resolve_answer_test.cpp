// What net/resolve reads out of an answer, and how it writes a question.
#include "net/resolve/answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/resolve/query.hpp"
#include "resolve_server.hpp"

namespace mxw::resolve {
namespace {

using dns::Type;
using test::kAd;
using test::kResponse;
using test::Octets;
using test::Reply;

constexpr std::uint16_t kId = 0x4711;
const mail::DnsName kName = mail::DnsName::parse("_mta-sts.example.test").value();

Octets question(Type type = Type::txt) {
  return build_query(kId, kName, type, {});
}

Answer read(const Reply& reply, Type type = Type::txt, bool validating = false) {
  return read_answer(reply.octets(), kId, kName, type, validating);
}

TEST(ResolveQuery, IsWhatRfc1035Writes) {
  const Octets octets = build_query(0x1234, mail::DnsName::parse("MX.example").value(), Type::tlsa,
                                    {.edns = true, .checking_disabled = true});
  const Octets expected = {0x12, 0x34, 0x01, 0x30, 0,   1,    0,    0,   0,   0,   0, 1, 2,
                           'm',  'x',  7,    'e',  'x', 'a',  'm',  'p', 'l', 'e', 0, 0, 52,
                           0,    1,    0,    0,    41,  0x04, 0xd0, 0,   0,   0,   0, 0, 0};
  EXPECT_EQ(octets, expected);
}

TEST(ResolveQuery, WithoutEdnsEndsBehindTheQuestion) {
  const Octets with = question(), without = build_query(kId, kName, Type::txt, {.edns = false});
  ASSERT_EQ(with.size(), without.size() + 11);
  EXPECT_EQ(without[11], 0);
  EXPECT_TRUE(std::equal(without.begin() + 12, without.end(), with.begin() + 12));
}

TEST(ResolveAnswer, TakesRecordsWithTheSmallestTtl) {
  const Answer answer = read(Reply(question())
                                 .answer(kName.text(), Type::txt, Reply::txt("v=STSv1; id=1;"), 900)
                                 .answer(kName.text(), Type::txt, Reply::txt("other"), 60));
  EXPECT_EQ(answer.outcome, Outcome::ok);
  ASSERT_EQ(answer.records.size(), 2U);
  EXPECT_EQ(dns::rdata_text(answer.records[0]), "v=STSv1; id=1;");
  EXPECT_EQ(answer.ttl, 60U);
  EXPECT_EQ(answer.canonical, kName.text());
  EXPECT_FALSE(answer.authenticated);
  EXPECT_FALSE(answer.validating);
}

TEST(ResolveAnswer, BelievesAdOnlyFromAValidatingServer) {
  const Reply signed_reply =
      Reply(question(), kResponse | kAd).answer(kName.text(), Type::txt, Reply::txt("x"));
  EXPECT_FALSE(read(signed_reply, Type::txt, false).authenticated);
  EXPECT_TRUE(read(signed_reply, Type::txt, true).authenticated);
  const Reply unsigned_reply = Reply(question()).answer(kName.text(), Type::txt, Reply::txt("x"));
  EXPECT_FALSE(read(unsigned_reply, Type::txt, true).authenticated);
  EXPECT_TRUE(read(unsigned_reply, Type::txt, true).validating);
}

TEST(ResolveAnswer, FollowsTheChainWithTheSmallestTtl) {
  const Answer answer =
      read(Reply(question())
               .answer("b.example.test", Type::txt, Reply::txt("found"), 500)
               .answer(kName.text(), Type::cname, Reply::name("a.example.test"), 400)
               .answer("a.example.test", Type::cname, Reply::name("b.example.test"), 20));
  EXPECT_EQ(answer.outcome, Outcome::ok);
  EXPECT_EQ(answer.canonical, "b.example.test");
  EXPECT_EQ(answer.ttl, 20U);
  EXPECT_EQ(answer.records.size(), 1U);
}

TEST(ResolveAnswer, RecordsBesideTheChainAreNobodys) {
  const Answer answer =
      read(Reply(question()).answer("elsewhere.test", Type::txt, Reply::txt("v=STSv1; id=1;")));
  EXPECT_EQ(answer.outcome, Outcome::nodata);
  EXPECT_TRUE(answer.records.empty());
}

TEST(ResolveAnswer, ACircleOfNamesIsMalformed) {
  const Answer answer = read(Reply(question())
                                 .answer(kName.text(), Type::cname, Reply::name("a.example.test"))
                                 .answer("a.example.test", Type::cname, Reply::name(kName.text())));
  EXPECT_EQ(answer.outcome, Outcome::malformed);
}

TEST(ResolveAnswer, AChainOfSixteenIsFollowedAndNoLonger) {
  for (const auto& [links, outcome] : {std::pair(16, Outcome::ok), {17, Outcome::malformed}}) {
    Reply reply(question());
    std::string from = kName.text();
    for (int i = 0; i < links; ++i) {
      const std::string to = "n" + std::to_string(i) + ".test";
      reply.answer(from, Type::cname, Reply::name(to));
      from = to;
    }
    reply.answer(from, Type::txt, Reply::txt("end"));
    EXPECT_EQ(read(reply).outcome, outcome) << links;
  }
}

TEST(ResolveAnswer, AskedForCnameTheCnameIsTheAnswer) {
  const Answer answer = read(
      Reply(question(Type::cname)).answer(kName.text(), Type::cname, Reply::name("a.example.test")),
      Type::cname);
  EXPECT_EQ(answer.outcome, Outcome::ok);
  ASSERT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(dns::rdata_text(answer.records[0]), "a.example.test");
}

TEST(ResolveAnswer, NegativeTtlIsTheSmallerOfSoaAndMinimum) {
  EXPECT_EQ(read(Reply(question()).soa(3'600, 300)).negative_ttl, 300U);
  EXPECT_EQ(read(Reply(question()).soa(100, 300)).negative_ttl, 100U);
  EXPECT_EQ(read(Reply(question())).negative_ttl, std::nullopt);
  const Answer nxdomain = read(Reply(question(), kResponse | test::kNxDomain)
                                   .answer(kName.text(), Type::cname, Reply::name("a.test"), 7)
                                   .soa(3'600, 300));
  EXPECT_EQ(nxdomain.outcome, Outcome::nxdomain);
  EXPECT_EQ(nxdomain.canonical, "a.test");
  EXPECT_EQ(nxdomain.negative_ttl, 7U);  // the denial is about the end of the chain
}

TEST(ResolveAnswer, ASignedDenialIsAuthenticated) {
  const Reply reply = Reply(question(), kResponse | kAd | test::kNxDomain).soa(60, 60);
  EXPECT_TRUE(read(reply, Type::txt, true).authenticated);
}

TEST(ResolveAnswer, TtlWithTheHighestBitIsZero) {
  EXPECT_EQ(
      read(Reply(question()).answer(kName.text(), Type::txt, Reply::txt("x"), 0x8000'0001)).ttl,
      0U);
}

TEST(ResolveAnswer, ARecordSentTwiceIsOne) {
  const Answer answer = read(Reply(question())
                                 .answer(kName.text(), Type::txt, Reply::txt("same"), 9)
                                 .answer(kName.text(), Type::txt, Reply::txt("same"), 5));
  EXPECT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(answer.ttl, 5U);
}

TEST(ResolveAnswer, EveryRcodeHasItsOutcome) {
  const std::pair<unsigned, Outcome> rcodes[] = {{1, Outcome::refused},  {2, Outcome::servfail},
                                                 {3, Outcome::nxdomain}, {4, Outcome::refused},
                                                 {5, Outcome::refused},  {6, Outcome::servfail},
                                                 {9, Outcome::refused},  {11, Outcome::servfail}};
  for (const auto& [rcode, outcome] : rcodes) {
    // Records beside an error code are not looked at.
    const Answer answer =
        read(Reply(question(), kResponse | rcode).answer("other.test", Type::txt, Reply::txt("x")));
    EXPECT_EQ(answer.outcome, outcome) << rcode;
    EXPECT_EQ(answer.rcode, rcode);
    EXPECT_TRUE(answer.records.empty());
  }
}

TEST(ResolveAnswer, AReferralIsNoAnswer) {
  constexpr unsigned kNoRecursion = 0x8000;
  const Answer answer = read(
      Reply(question(), kNoRecursion).authority("test", Type::ns, Reply::name("ns.example.test")));
  EXPECT_EQ(answer.outcome, Outcome::refused);
}

TEST(ResolveAnswer, WhatAnswersSomethingElseIsMalformed) {
  const Reply good = Reply(question()).answer(kName.text(), Type::txt, Reply::txt("x"));
  ASSERT_EQ(read(good).outcome, Outcome::ok);
  const auto outcome = [](Reply reply) { return read(reply).outcome; };
  EXPECT_EQ(outcome(Reply(good).put(0, kId + 1U)), Outcome::malformed);  // id
  EXPECT_EQ(outcome(Reply(good).put(2, 0x0100)), Outcome::malformed);    // a question
  EXPECT_EQ(outcome(Reply(good).put(2, 0x9180)), Outcome::malformed);    // opcode
  EXPECT_EQ(outcome(Reply(good).put(2, kResponse | test::kTc)), Outcome::malformed);
  EXPECT_EQ(outcome(Reply(good).put(4, 0)), Outcome::malformed);
  EXPECT_EQ(read(good, Type::mx).outcome, Outcome::malformed);
  EXPECT_EQ(
      read_answer(good.octets(), kId, mail::DnsName::parse("example.test").value(), Type::txt, true)
          .outcome,
      Outcome::malformed);
}

TEST(ResolveAnswer, EveryCutOfAnAnswerIsMalformed) {
  const Octets whole = Reply(question())
                           .answer(kName.text(), Type::txt, Reply::txt("v=STSv1; id=1;"))
                           .soa(60, 60)
                           .octets();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Answer answer = read_answer(Bytes(whole).first(size), kId, kName, Type::txt, true);
    EXPECT_EQ(answer.outcome, Outcome::malformed) << size;
    EXPECT_FALSE(answer.authenticated);
    EXPECT_TRUE(answer.records.empty());
  }
}

}  // namespace
}  // namespace mxw::resolve
