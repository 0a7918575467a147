// Questions about names: what DNS says is told apart all the way, kept for its time, merged and
// bounded; and over the socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/feed/lookup_client.hpp"
#include "core/ipc/listener.hpp"
#include "engine_support.hpp"
#include "policyd/ask_server.hpp"
#include "policyd/name_lookups.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using feed::LookupAnswer;
using feed::LookupKind;
using feed::LookupState;
using resolve::Outcome;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kRecord[] = "v=TLSRPTv1; rua=mailto:tls@example.org";
constexpr char kKey[] = "s1._domainkey.example.org";

class NameTest : public EngineTest {
 protected:
  void SetUp() override {
    restart();
    names = std::make_unique<NameLookups>(clock, dns, *engine);
  }
  void ask(LookupKind kind, const std::string& name) {
    names->lookup(kind, name, [this](const LookupAnswer& answer) { told.push_back(answer); });
  }
  LookupAnswer answer(LookupKind kind, const std::string& name) {
    told.clear();
    ask(kind, name);
    settle();
    EXPECT_EQ(told.size(), 1U) << name;
    return told.empty() ? LookupAnswer{} : told.front();
  }
  // `state dns reason`
  std::string said(LookupKind kind, const std::string& name) {
    const LookupAnswer got = answer(kind, name);
    return std::string(feed::name(got.state)) + ' ' + got.dns +
           (got.reason.empty() ? "" : " " + got.reason);
  }
  void addresses(const std::string& host, Outcome a, Outcome aaaa) {
    dns.set(host, dns::Type::a, a);
    dns.set(host, dns::Type::aaaa, aaaa);
    if (a == Outcome::ok) dns.put(host, dns::Type::a, {*IpAddress::parse("192.0.2.1")});
    if (aaaa == Outcome::ok) dns.put(host, dns::Type::aaaa, {*IpAddress::parse("2001:db8::1")});
  }

  std::unique_ptr<NameLookups> names;
  std::vector<LookupAnswer> told;
};

TEST_F(NameTest, ARecordIsFoundAndKeptWithHistory) {
  dns.put("_smtp._tls.example.org", dns::Type::txt,
          {dns::Txt{{"v=TLSRPTv1; rua=mailto:", "tls@example.org"}}, dns::Txt{{"other"}}}, true,
          900);
  const LookupAnswer got = answer(LookupKind::tlsrpt, "Example.ORG.");
  EXPECT_EQ(got.state, LookupState::found);
  EXPECT_EQ(got.dns, "ok");
  EXPECT_TRUE(got.authenticated);
  EXPECT_EQ(got.seen, kStart);
  EXPECT_EQ(got.ttl, 900U);
  EXPECT_THAT(got.records, ElementsAre(kRecord));
  ASSERT_EQ(recorder.tlsrpt.size(), 1U);
  EXPECT_EQ(recorder.tlsrpt[0].domain, "example.org");
  EXPECT_EQ(recorder.tlsrpt[0].record, kRecord);
  EXPECT_EQ(recorder.tlsrpt[0].confirmed_at, kStart);
  EXPECT_EQ(commits, 1);
}

// Nobody may take one for another: what is told of a domain depends on which it was.
TEST_F(NameTest, NoOutcomeOfDnsIsLost) {
  const std::pair<Outcome, std::string> outcomes[] = {
      {Outcome::nxdomain, "denied nxdomain"},   {Outcome::nodata, "denied nodata"},
      {Outcome::servfail, "failed servfail"},   {Outcome::refused, "failed refused"},
      {Outcome::timeout, "failed timeout"},     {Outcome::bogus, "failed bogus"},
      {Outcome::malformed, "failed malformed"}, {Outcome::network, "failed network"}};
  int number = 0;
  for (const auto& [outcome, wanted] : outcomes) {
    const std::string domain = "d" + std::to_string(++number) + ".test";
    dns.set("_smtp._tls." + domain, dns::Type::txt, outcome, true);
    dns.set("k._domainkey." + domain, dns::Type::txt, outcome, true);
    addresses(domain, outcome, outcome);
    for (const auto& [kind, name] :
         {std::pair(LookupKind::tlsrpt, domain), std::pair(LookupKind::address, domain),
          std::pair(LookupKind::dkim_key, "k._domainkey." + domain)}) {
      const std::string got = said(kind, name);
      EXPECT_THAT(got, testing::StartsWith(wanted)) << feed::name(kind);
      const bool denied = resolve::is_definite(outcome);
      EXPECT_EQ(told[0].authenticated, denied && kind != LookupKind::address);
      EXPECT_EQ(told[0].ttl, denied ? 600U : 60U);
    }
  }
  EXPECT_EQ(recorder.tlsrpt.size(), 2U) << "only what was denied";
  EXPECT_EQ(recorder.tlsrpt[0].record, "");
}

TEST_F(NameTest, WhatIsNoRecordSaysWhy) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"v=spf1 -all"}, "no record"},
      {{kRecord, kRecord}, "no record"},
      {{"v=TLSRPTv1;"}, "syntax"},
      {{"v=TLSRPTv1; x=y"}, "no-rua"},
      {{"v=TLSRPTv1; rua=ftp://example.org"}, "no usable rua"},
      {{"v=TLSRPTv1; rua=mailto:" + std::string(5'000, 'a')}, "too large"}};
  int number = 0;
  for (const auto& [texts, why] : cases) {
    const std::string domain = "d" + std::to_string(++number) + ".test";
    std::vector<decltype(dns::Record::data)> data;
    for (const std::string& text : texts) data.emplace_back(dns::Txt{{text}});
    dns.put("_smtp._tls." + domain, dns::Type::txt, std::move(data));
    EXPECT_EQ(said(LookupKind::tlsrpt, domain), "invalid ok " + why);
    EXPECT_THAT(told[0].records, IsEmpty());
    EXPECT_EQ(recorder.tlsrpt.back().domain, domain);
    EXPECT_EQ(recorder.tlsrpt.back().record, "") << "as one that says it has none";
  }
}

TEST_F(NameTest, AKeyComesAsItStands) {
  dns.put(kKey, dns::Type::txt, {dns::Txt{{"v=DKIM1; k=rsa; p=", "MIIB"}}, dns::Txt{{"second"}}});
  EXPECT_THAT(answer(LookupKind::dkim_key, kKey).records,
              ElementsAre("v=DKIM1; k=rsa; p=MIIB", "second"));
  EXPECT_THAT(recorder.tlsrpt, IsEmpty());
  dns.txt("large._domainkey.example.org", std::string(feed::kLookupOctets + 1, 'p'));
  EXPECT_EQ(said(LookupKind::dkim_key, "large._domainkey.example.org"), "invalid ok too large");
}

TEST_F(NameTest, AddressesOfBothFamilies) {
  addresses("both.test", Outcome::ok, Outcome::ok);
  EXPECT_THAT(answer(LookupKind::address, "both.test").addresses,
              ElementsAre(*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")));
  const std::tuple<Outcome, Outcome, std::string> cases[] = {
      {Outcome::ok, Outcome::servfail, "found ok"},
      {Outcome::timeout, Outcome::ok, "found ok"},
      {Outcome::nodata, Outcome::servfail, "failed servfail AAAA: servfail"},
      {Outcome::bogus, Outcome::nodata, "failed bogus A: bogus"},
      {Outcome::nxdomain, Outcome::nodata, "denied nodata"}};
  int number = 0;
  for (const auto& [a, aaaa, wanted] : cases) {
    const std::string host = "h" + std::to_string(++number) + ".test";
    addresses(host, a, aaaa);
    EXPECT_EQ(said(LookupKind::address, host), wanted);
  }
  dns.address("signed.test", true);
  EXPECT_TRUE(answer(LookupKind::address, "signed.test").authenticated);
  std::vector<decltype(dns::Record::data)> many(40, *IpAddress::parse("192.0.2.1"));
  dns.put("many.test", dns::Type::a, many);
  EXPECT_EQ(answer(LookupKind::address, "many.test").addresses.size(), feed::kLookupAddresses);
}

TEST_F(NameTest, OnlyNamesOfTheirKindAreAskedFor) {
  const std::pair<LookupKind, std::string> bad[] = {
      {LookupKind::tlsrpt, ""},
      {LookupKind::tlsrpt, "_dmarc.example.org"},
      {LookupKind::tlsrpt, "192.0.2.1"},
      {LookupKind::tlsrpt, std::string(254, 'a')},
      {LookupKind::address, "[192.0.2.1]"},
      {LookupKind::address, "a b.example"},
      {LookupKind::dkim_key, "example.org"},
      {LookupKind::dkim_key, "_domainkey.example.org"},
      {LookupKind::dkim_key, "s1._domainkey"},
      {LookupKind::dkim_key, "s1..\n_domainkey.example.org"}};
  dns.asked.clear();
  for (const auto& [kind, name] : bad) EXPECT_EQ(said(kind, name), "unavailable  name") << name;
  EXPECT_THAT(dns.asked, IsEmpty());
  EXPECT_EQ(names->counters().refused, std::size(bad));
}

TEST_F(NameTest, AnAnswerIsKeptForItsTime) {
  dns.txt("_smtp._tls.example.org", kRecord, 120);
  answer(LookupKind::tlsrpt, "example.org");
  advance(50 * kSecond);
  told.clear();
  ask(LookupKind::tlsrpt, "example.org");
  ASSERT_EQ(told.size(), 1U) << "at once";
  EXPECT_EQ(told[0].seen, kStart);
  EXPECT_EQ(told[0].ttl, 70U);
  EXPECT_EQ(names->counters().kept, 1U);
  advance(70 * kSecond);
  answer(LookupKind::tlsrpt, "example.org");
  EXPECT_EQ(told[0].seen, kStart + 120 * kSecond);
  EXPECT_EQ(dns.count("_smtp._tls.example.org", dns::Type::txt), 2);
  // Not less than a minute, not more than an hour.
  dns.txt("_smtp._tls.brief.test", kRecord, 0);
  EXPECT_EQ(answer(LookupKind::tlsrpt, "brief.test").ttl, 60U);
  dns.txt("_smtp._tls.long.test", kRecord, 604'800);
  EXPECT_EQ(answer(LookupKind::tlsrpt, "long.test").ttl, 3'600U);
}

TEST_F(NameTest, TheSameQuestionIsAskedOnce) {
  dns.txt(kKey, "v=DKIM1; p=");
  for (int i = 0; i < 5; ++i) ask(LookupKind::dkim_key, kKey);
  ask(LookupKind::dkim_key, "S1._DOMAINKEY.example.org");
  settle();
  EXPECT_EQ(told.size(), 6U);
  EXPECT_EQ(dns.count(kKey, dns::Type::txt), 1);
  EXPECT_EQ(names->counters().merged, 5U);
}

TEST_F(NameTest, QuestionsAndAnswersAreBounded) {
  for (std::size_t i = 0; i < kOpenNames + 2; ++i)
    ask(LookupKind::tlsrpt, "d" + std::to_string(i) + ".test");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].reason, "busy");
  settle();
  EXPECT_EQ(told.size(), kOpenNames + 2);
  EXPECT_EQ(names->open(), 0U);
  // 8 KiB each: 2,048 are 16 MiB.
  const std::string large(feed::kLookupOctets, 'p');
  for (std::size_t i = 0; i < 2'100; ++i) {
    const std::string name = "k" + std::to_string(i) + "._domainkey.example.org";
    dns.txt(name, large);
    answer(LookupKind::dkim_key, name);
    dns.answers.erase({name, dns::Type::txt});
  }
  EXPECT_LE(names->kept(), kKeptOctets / feed::kLookupOctets + kOpenNames);
  EXPECT_LE(kKeptOctets / feed::kLookupOctets, names->kept());
}

TEST_F(NameTest, NoAnswerComesAfterItsEnd) {
  ask(LookupKind::address, "mx.example.org");
  names.reset();
  settle();
  EXPECT_THAT(told, IsEmpty());
}

// The socket between reportd's client and policyd.

class AskSocket : public LoopTest {
 protected:
  void SetUp() override {
    listening =
        ipc::listen_on("unix:" + path, {.type = ipc::SocketType::seqpacket, .mode = 0666}).value();
    ipc::PeerCheck peers;
    peers.allow_uid(::geteuid());
    server = AskServer::create(*loop, listening.get(), peers, engine, names).value();
    client = feed::LookupClient::create(*loop, path).value();
  }
  void ask(LookupKind kind, const std::string& name) {
    client->lookup(kind, name, [this](const LookupAnswer& answer) { told.push_back(answer); });
  }
  void until_told(std::size_t count) {
    run_until([&] {
      while (dns.deliver()) {
      }
      return told.size() >= count;
    });
  }

  ManualClock clock;
  FakeDns dns;
  FakeHttps https;
  store::MemoryPolicyStore store{kStart};
  Recorder recorder;
  Engine engine{clock, dns, https, store, {}, recorder, &recorder};
  NameLookups names{clock, dns, engine};
  std::string path = directory.file("ask.sock");
  Fd listening;
  std::unique_ptr<AskServer> server;
  std::unique_ptr<feed::LookupClient> client;
  std::vector<LookupAnswer> told;
};

TEST_F(AskSocket, CarriesTheThreeVerbs) {
  dns.txt("_smtp._tls.example.org", kRecord);
  dns.txt(kKey, "v=DKIM1; p=");
  dns.address("mx.example.org");
  dns.set("_smtp._tls.bogus.test", dns::Type::txt, Outcome::bogus);
  ask(LookupKind::tlsrpt, "example.org");
  until_told(1);
  ask(LookupKind::dkim_key, kKey);
  until_told(2);
  ask(LookupKind::address, "mx.example.org");
  until_told(3);
  ask(LookupKind::tlsrpt, "bogus.test");
  until_told(4);
  EXPECT_THAT(told[0].records, ElementsAre(kRecord));
  EXPECT_EQ(told[0].seen, kStart);
  EXPECT_THAT(told[1].records, ElementsAre("v=DKIM1; p="));
  EXPECT_THAT(told[2].addresses, ElementsAre(*IpAddress::parse("192.0.2.25")));
  EXPECT_EQ(told[3].state, LookupState::failed);
  EXPECT_EQ(told[3].dns, "bogus");
}

// One peer's questions of all kinds count together; what is over is answered at once.
TEST_F(AskSocket, OnePeerHasItsBound) {
  client = feed::LookupClient::create(*loop, path, {.in_flight = AskServer::kInFlight + 3}).value();
  for (std::size_t i = 0; i < AskServer::kInFlight + 3; ++i)
    ask(LookupKind::address, "h" + std::to_string(i % 7) + ".test");
  run_until([&] { return told.size() == 3; });
  for (const LookupAnswer& answer : told) EXPECT_EQ(answer.reason, "busy");
  EXPECT_EQ(server->counters().over_limit, 3U);
  until_told(AskServer::kInFlight + 3);
  EXPECT_EQ(told.back().state, LookupState::denied);
}

}  // namespace
}  // namespace mxw::policyd
