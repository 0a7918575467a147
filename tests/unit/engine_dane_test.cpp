// MX routes and DANE through the engine, with a DNS of names and answers. The rows of kind `dane`
// in the shared vectors that speak of lookups are all here, by their text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/rows/dane_rows.hpp"
#include "engine_support.hpp"
#include "policyd/address_lookup.hpp"
#include "policyd/route_rows.hpp"

namespace mxw::policyd {
namespace {

using namespace test;
using policy::DaneState;
using resolve::Outcome;

const std::string kEnforce = policy_text("enforce", 604'800);

std::vector<std::string> many_hosts(int count) {
  std::vector<std::string> hosts;
  for (int i = 0; i < count; ++i) hosts.push_back("mx" + std::to_string(i) + ".example.org");
  return hosts;
}

class DaneTest : public EngineTest {
 protected:
  void SetUp() override {
    options.answer_with_dane = true;
    restart();
  }
  std::string dane(const std::string& domain) {
    return std::string(policy::name(want(domain).dane));
  }
  int tlsa_count(const std::string& host) const {
    return dns.count("_25._tcp." + host, dns::Type::tlsa);
  }
  // What a reader of the rows concludes.
  std::string dane_of_rows(const std::string& domain) {
    std::map<std::string, std::vector<rows::TlsaRow>, std::less<>> sets;
    const auto of = [&](std::string_view base) -> std::span<const rows::TlsaRow> {
      return sets[std::string(base)] = tlsa(std::string(base));
    };
    return std::string(policy::name(rows::dane_of(routes(domain), of, clock.wall()).state));
  }
};

TEST_F(DaneTest, AllHostsWithSecureRecords) {
  dns.mx("example.org", {"mx1.example.org", "mx2.example.org"}, true);
  for (const char* host : {"mx1.example.org", "mx2.example.org"}) {
    dns.address(host, true);
    dns.tlsa(host);
  }
  EXPECT_EQ(dane("example.org"), "all");
  EXPECT_EQ(dane_of_rows("example.org"), "all");
  ASSERT_EQ(routes("example.org").size(), 2U);
  EXPECT_TRUE(routes("example.org")[0].ad);
  ASSERT_EQ(tlsa("_25._tcp.mx1.example.org").size(), 1U);
  EXPECT_EQ(tlsa("_25._tcp.mx1.example.org")[0].rdata.size(), 35U);
  EXPECT_EQ(dane("example.org"), "all") << "and from the store";
}

TEST_F(DaneTest, InsecureHostsAreNeverAskedForTlsa) {
  publish("example.org", kEnforce);
  dns.tlsa("mx.example.org");
  EXPECT_EQ(dane("example.org"), "none");
  EXPECT_EQ(tlsa_count("mx.example.org"), 0);
  EXPECT_EQ(dane_of_rows("example.org"), "none");
}

// RFC 7672 section 2.2.1: hosts of an unsigned MX set may still use DANE, but not "all".
TEST_F(DaneTest, SecureHostsOfAnUnsignedMxSetAreSome) {
  dns.mx("example.org", {"mx.example.net"}, false);
  dns.address("mx.example.net", true);
  dns.tlsa("mx.example.net");
  EXPECT_EQ(dane("example.org"), "some");
  EXPECT_EQ(dane_of_rows("example.org"), "some");
}

TEST_F(DaneTest, UnusableRecordsOnlyAreSome) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  dns.tlsa("mx.example.org", true, 3, 16);
  EXPECT_EQ(dane("example.org"), "some");
  EXPECT_EQ(dane_of_rows("example.org"), "some");
}

TEST_F(DaneTest, OneHostsFailureIsItsOwn) {
  publish("example.org", kEnforce);
  dns.mx("example.org", {"mx1.example.org", "mx2.example.org"}, true);
  dns.address("mx1.example.org", true);
  dns.tlsa("mx1.example.org");
  dns.set("mx2.example.org", dns::Type::a, Outcome::servfail);
  dns.set("mx2.example.org", dns::Type::aaaa, Outcome::servfail);
  EXPECT_EQ(dane("example.org"), "error");
  EXPECT_EQ(dane_of_rows("example.org"), "error");
  const auto rows = routes("example.org");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].address.text(), "192.0.2.25");
  EXPECT_EQ(rows[1].address.family, 0);
  EXPECT_EQ(tlsa_count("mx1.example.org"), 1);
}

// RFC 7672 section 2.1.2: a lookup that fails is never a denial, for readers of the rows neither.
TEST_F(DaneTest, ATlsaLookupThatFailsIsAnError) {
  int number = 0;
  for (const Outcome failure : {Outcome::servfail, Outcome::refused, Outcome::timeout,
                                Outcome::bogus, Outcome::malformed, Outcome::network}) {
    const std::string domain = "d" + std::to_string(number++) + ".test";
    publish(domain, kEnforce);
    dns.mx(domain, {"mx." + domain}, true);
    dns.address("mx." + domain, true);
    dns.set("_25._tcp.mx." + domain, dns::Type::tlsa, failure);
    EXPECT_EQ(dane(domain), "error") << resolve::outcome_name(failure);
    EXPECT_EQ(dane_of_rows(domain), "error") << resolve::outcome_name(failure);
  }
}

// postfix-tlspol #189: AAAA of Amazon SES fails, the rest is fine and unsigned.
TEST_F(DaneTest, OneFamilyThatAnswersIsEnough) {
  publish("example.org", kEnforce);
  dns.set("mx.example.org", dns::Type::aaaa, Outcome::servfail);
  EXPECT_EQ(dane("example.org"), "none");
  dns.mx("secure.test", {"mx.secure.test"}, true);
  dns.address("mx.secure.test", true);
  dns.set("mx.secure.test", dns::Type::aaaa, Outcome::timeout);
  dns.tlsa("mx.secure.test");
  EXPECT_EQ(dane("secure.test"), "all");
}

TEST_F(DaneTest, KnownAddressesStandInForALookupThatFails) {
  publish("example.org", kEnforce);
  want("example.org");
  ASSERT_EQ(routes("example.org").size(), 1U);
  dns.set("mx.example.org", dns::Type::a, Outcome::servfail);
  dns.set("mx.example.org", dns::Type::aaaa, Outcome::servfail);
  advance(2 * kHour);
  ASSERT_EQ(routes("example.org").size(), 1U);
  EXPECT_EQ(routes("example.org")[0].address.text(), "192.0.2.25");
  EXPECT_EQ(dane_of_rows("example.org"), "error");
}

TEST_F(DaneTest, AFailedMxLookupKeepsTheRoutes) {
  publish("example.org", kEnforce);
  want("example.org");
  dns.set("example.org", dns::Type::mx, Outcome::timeout);
  advance(6 * kHour);
  EXPECT_EQ(routes("example.org").size(), 1U);
  EXPECT_GT(dns.count("example.org", dns::Type::mx), 20) << "asked again every five minutes";
}

TEST_F(DaneTest, AFirstMxLookupThatFailsIsTriedAgain) {
  publish("example.org", kEnforce);
  dns.set("example.org", dns::Type::mx, Outcome::timeout);
  EXPECT_EQ(dane("example.org"), "error");
  EXPECT_EQ(want("example.org").state, rows::DomainState::policy);
  EXPECT_EQ(dane("example.org"), "error") << "hot, too: not known is not none";
  dns.mx("example.org", {"mx.example.org"});
  advance(6 * kMinute);
  EXPECT_EQ(routes("example.org").size(), 1U);
}

TEST_F(DaneTest, ARouteIsRefreshedByItsTtl) {
  publish("example.org", kEnforce);
  want("example.org");
  dns.mx("example.org", {"new.example.org"});
  dns.address("new.example.org");
  advance(50 * kMinute);
  EXPECT_EQ(routes("example.org")[0].mx_host, "mx.example.org");
  advance(20 * kMinute);
  ASSERT_EQ(routes("example.org").size(), 1U);
  EXPECT_EQ(routes("example.org")[0].mx_host, "new.example.org");
}

// What is looked up again after a restart is spread over ten minutes only when it ran out already.
TEST_F(DaneTest, ARestartPutsNoLookupOffBeyondItsTime) {
  options.random = [] { return 0.999; };
  publish("example.org", kEnforce);
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.answers[{"example.org", dns::Type::mx}].ttl = 300;
  dns.address("mx.example.org", true);
  dns.tlsa("mx.example.org");
  want("example.org");
  restart();
  for (int i = 0; i < 180; ++i) {
    advance(5 * kSecond);
    ASSERT_GE(routes("example.org").at(0).until, clock.wall()) << 5 * i;
  }
}

// To readers a TLSA set that ran out is an error, and a denial that ran out, too: Postfix is told
// `dane` and no longer the policy. So nothing runs out while answers come.
TEST_F(DaneTest, NothingRunsOutForReadersWhileAnswersCome) {
  for (const double chance : {0.0, 0.999}) {
    options.random = [chance] { return chance; };
    restart();
    for (const std::uint32_t ttl : {60U, 400U, 3'600U}) {
      const std::string tail = std::to_string(ttl) + (chance > 0 ? "late.test" : "soon.test");
      const std::string with = "with" + tail, without = "without" + tail;
      for (const std::string& domain : {with, without}) {
        publish(domain, kEnforce);
        dns.mx(domain, {"mx." + domain}, true);
        dns.address("mx." + domain, true);
        dns.set("_25._tcp.mx." + domain, dns::Type::tlsa, Outcome::nodata, true);
        dns.answers[{"_25._tcp.mx." + domain, dns::Type::tlsa}].negative_ttl = ttl;
      }
      dns.tlsa("mx." + with);
      dns.answers[{"_25._tcp.mx." + with, dns::Type::tlsa}].ttl = ttl;
      want(with);
      want(without);
      for (int i = 0; i < 1'500; ++i) {
        advance(5 * kSecond);
        ASSERT_EQ(dane_of_rows(with), "all") << ttl << ' ' << 5 * i;
        ASSERT_EQ(dane_of_rows(without), "none") << ttl << ' ' << 5 * i;
        ASSERT_GE(routes(with).at(0).until, clock.wall());
      }
    }
  }
}

TEST_F(DaneTest, RoutesComeBackAfterARestart) {
  publish("example.org", kEnforce);
  want("example.org");
  advance(30 * kMinute);
  restart();
  dns.mx("example.org", {"new.example.org"});
  dns.address("new.example.org");
  advance(50 * kMinute);
  EXPECT_EQ(routes("example.org")[0].mx_host, "new.example.org");
}

TEST_F(DaneTest, NullMxAndNonexistenceHaveNoRoutes) {
  publish("null.test", kEnforce);
  dns.mx("null.test", {"."});
  EXPECT_EQ(dane("null.test"), "none");
  EXPECT_TRUE(routes("null.test").empty());
  publish("gone.test", kEnforce);
  dns.set("gone.test", dns::Type::mx, Outcome::nxdomain);
  EXPECT_EQ(dane("gone.test"), "none");
  EXPECT_TRUE(routes("gone.test").empty());
  EXPECT_EQ(dns.count("gone.test", dns::Type::a), 0);
}

TEST_F(DaneTest, ANullMxBesideOthersIsNone) {
  publish("example.org", kEnforce);
  dns.mx("example.org", {".", "mx.example.org"});
  want("example.org");
  ASSERT_EQ(routes("example.org").size(), 1U);
  EXPECT_EQ(routes("example.org")[0].mx_host, "mx.example.org");
}

TEST_F(DaneTest, AnUnsignedDenialOfMxIsImplicitToo) {
  publish("example.org", kEnforce);
  dns.set("example.org", dns::Type::mx, Outcome::nodata);
  dns.address("example.org");
  EXPECT_EQ(dane("example.org"), "none");
  ASSERT_EQ(routes("example.org").size(), 1U);
  EXPECT_EQ(routes("example.org")[0].mx_host, "example.org");
  EXPECT_EQ(routes("example.org")[0].source, "implicit unsigned insecure");
}

TEST_F(DaneTest, MxHostsAreBoundedAndAddressesAreNoHosts) {
  publish("example.org", kEnforce);
  std::vector<std::string> hosts = {"192.0.2.1", "mx0.example.org"};
  for (int i = 0; i < 100; ++i) hosts.push_back("mx" + std::to_string(i) + ".example.org");
  dns.mx("example.org", hosts, true);
  for (int i = 0; i < 100; ++i) {
    dns.address("mx" + std::to_string(i) + ".example.org", true);
    dns.tlsa("mx" + std::to_string(i) + ".example.org");
  }
  EXPECT_EQ(dane("example.org"), "some") << "hosts that were left out prove nothing";
  EXPECT_EQ(routes("example.org").size(), kMxHosts);
  EXPECT_EQ(dns.count("mx0.example.org", dns::Type::a), 1);
}

// One MX answer of a stranger does not put a hundred questions to the resolver at once.
TEST_F(DaneTest, FewQuestionsOfOneDomainAreOpen) {
  dns.mx("example.org", many_hosts(64), true);
  for (const std::string& host : many_hosts(64)) {
    dns.address(host, true);
    dns.tlsa(host);
  }
  engine->want("example.org", [](const Answer&) {});
  std::size_t most = 0;
  for (bool any = true; any;) {
    most = std::max(most, dns.open());
    any = dns.deliver();
  }
  EXPECT_LE(most, 2 * kMxAtOnce);
  EXPECT_GE(most, kMxAtOnce) << "but not one after the other";
  EXPECT_EQ(routes("example.org").size(), 64U);
  EXPECT_EQ(dane("example.org"), "all");
}

// A dead name server of many hosts does not hold the look for ever; what was not asked is not
// known.
TEST_F(DaneTest, AfterHostsWithoutAnswerTheOthersAreNotAsked) {
  const std::vector<std::string> hosts = many_hosts(64);
  dns.mx("example.org", hosts, true);
  for (const std::string& host : hosts) {
    dns.set(host, dns::Type::a, Outcome::timeout);
    dns.set(host, dns::Type::aaaa, Outcome::timeout);
  }
  EXPECT_EQ(dane("example.org"), "error");
  std::size_t asked = 0;
  for (const std::string& host : hosts)
    asked += static_cast<std::size_t>(dns.count(host, dns::Type::a));
  EXPECT_GE(asked, kMxSilent);
  EXPECT_LT(asked, kMxSilent + kMxAtOnce);
}

TEST_F(DaneTest, DomainsWithoutPolicyAndDaneKeepNoRoutes) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  EXPECT_EQ(dane("example.org"), "none");
  EXPECT_TRUE(routes("example.org").empty());
  EXPECT_EQ(dns.count("example.org", dns::Type::mx), 1);
  advance(30 * kMinute);
  want("example.org");
  EXPECT_EQ(dns.count("example.org", dns::Type::mx), 1) << "remembered for a while";
}

TEST_F(DaneTest, WithDaneOffNobodyAsksForTlsa) {
  options.dane = false;
  restart();
  publish("example.org", kEnforce);
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  dns.tlsa("mx.example.org");
  EXPECT_EQ(dane("example.org"), "none");
  EXPECT_EQ(dane_of_rows("example.org"), "none");
  EXPECT_EQ(tlsa_count("mx.example.org"), 0);
}

TEST_F(DaneTest, ARecordTooLargeForItsRowIsNotAbsent) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  std::vector<std::uint8_t> full = {0x30, 0x82, 0x08, 0x00};
  full.resize(4 + 0x800, 1);
  dns.put("_25._tcp.mx.example.org", dns::Type::tlsa, {dns::Tlsa{3, 0, 0, full}}, true);
  EXPECT_EQ(dane("example.org"), "all");
  EXPECT_EQ(dane_of_rows("example.org"), "some") << "for readers: TLS required, unauthenticated";
}

// Every row of the vectors about lookups: what it sets up, and that the outcome holds.
class DaneVectors : public DaneTest {
 protected:
  // Empty: not one of ours.
  std::string play(const std::string& input) {
    dns.mx("example.org", {"mx1.example.org", "mx2.example.org"}, true);
    dns.address("mx1.example.org", true);
    dns.tlsa("mx1.example.org");
    dns.address("mx2.example.org", true);
    dns.tlsa("mx2.example.org");
    if (input == "MX address lookup SERVFAIL for one MX") {
      dns.set("mx2.example.org", dns::Type::a, Outcome::servfail);
      dns.set("mx2.example.org", dns::Type::aaaa, Outcome::servfail);
      return dane("example.org") == "error" ? "dane error for that MX, never none" : "downgrade";
    }
    if (input == "unsigned NXDOMAIN MX + DANE MX") {
      dns.set("mx2.example.org", dns::Type::a, Outcome::nxdomain);
      dns.set("mx2.example.org", dns::Type::aaaa, Outcome::nxdomain);
      return dane("example.org") == "some" ? "not dane-only" : "dane-only";
    }
    if (input == "signed NODATA for A and AAAA") {
      dns.set("mx2.example.org", dns::Type::a, Outcome::nodata, true);
      dns.set("mx2.example.org", dns::Type::aaaa, Outcome::nodata, true);
      EXPECT_EQ(dane("example.org"), "some");
      return tlsa_count("mx2.example.org") == 0 ? "no TLSA query for that MX" : "asked";
    }
    if (input == "signed NODATA for MX") {
      dns.set("example.org", dns::Type::mx, Outcome::nodata, true);
      dns.address("example.org", true);
      dns.tlsa("example.org");
      return dane("example.org") == "all" && tlsa_count("example.org") == 1
                 ? "implicit MX, TLSA at the domain"
                 : "no implicit MX";
    }
    if (input == "NXDOMAIN for MX") {
      dns.set("example.org", dns::Type::mx, Outcome::nxdomain, true);
      EXPECT_EQ(dane("example.org"), "none");
      return dns.count("example.org", dns::Type::a) == 0 ? "no implicit MX" : "implicit MX";
    }
    return play_names(input);
  }

  std::string play_names(const std::string& input) {
    if (input == "signed CNAME before MX") {
      dns.mx("example.org", {"mx1.example.org"}, true);
      auto& answer = dns.answers[{"example.org", dns::Type::mx}];
      answer.canonical = "real.example.net";
      answer.ttl = 400;  // the resolver gives the smallest along the chain
      EXPECT_EQ(dane("example.org"), "all");
      return routes("example.org").at(0).until == clock.wall() + 400 * kSecond
                 ? "followed, TTL = min along the chain"
                 : "another TTL";
    }
    if (input == "incomplete TLSA result set") {
      dns.set("_25._tcp.mx2.example.org", dns::Type::tlsa, Outcome::malformed);
      return dane("example.org") == "error" ? "error, never a policy" : "a policy";
    }
    if (input == "TLSA SERVFAIL with signed A/AAAA") {
      dns.set("_25._tcp.mx2.example.org", dns::Type::tlsa, Outcome::servfail);
      return dane("example.org") == "error" && dane_of_rows("example.org") == "error"
                 ? "dane error: defer, never MTA-STS or clear text instead"
                 : "downgrade";
    }
    return play_aliases(input);
  }

  std::string play_aliases(const std::string& input) {
    dns.mx("example.org", {"mx1.example.org"}, true);
    dns.tlsa("host.example.net");
    if (input == "TLSA at the CNAME-expanded host, chain secure") {
      dns.address("mx1.example.org", true, "host.example.net");
      EXPECT_EQ(dane("example.org"), "all");
      EXPECT_EQ(tlsa("_25._tcp.mx1.example.org").size(), 1U) << "found by the host's name";
      return tlsa_count("host.example.net") == 1 && tlsa_count("mx1.example.org") == 0
                 ? "expanded name is the base domain"
                 : "another base";
    }
    if (input == "expanded lookup insecure") {
      dns.address("mx1.example.org", false, "host.example.net");
      dns.put("mx1.example.org", dns::Type::cname, {dns::Alias{"host.example.net"}}, true);
      EXPECT_EQ(dane("example.org"), "all");
      return tlsa_count("host.example.net") == 0 && tlsa_count("mx1.example.org") == 1
                 ? "only the original name is tried"
                 : "the expanded one, too";
    }
    if (input == "TLSA CNAME loop") {
      dns.address("mx1.example.org", true, "host.example.net");
      dns.set("_25._tcp.host.example.net", dns::Type::tlsa, Outcome::malformed);
      return dane("example.org") == "error" && tlsa_count("mx1.example.org") == 0
                 ? "error, no fallback"
                 : "fallback";
    }
    return {};
  }
};

TEST_F(DaneVectors, EveryRowAboutLookups) {
  const char* folder = std::getenv("MXWARDEN_VECTORS");
  if (folder == nullptr) GTEST_SKIP() << "corpus absent: not compared";
  std::ifstream file(std::string(folder) + "/mta-sts.tsv");
  ASSERT_TRUE(file) << folder;
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("dane\t")) continue;
    const std::size_t second = line.find('\t', 5), third = line.find('\t', second + 1);
    const std::string input = line.substr(5, second - 5);
    const std::string wanted = line.substr(third + 1, line.find('\t', third + 1) - third - 1);
    SCOPED_TRACE(input);
    engine.reset();
    store.inner = store::MemoryPolicyStore(clock.wall());
    dns.answers.clear();
    dns.asked.clear();
    restart();
    const std::string got = play(input);
    if (got.empty()) continue;  // about a handshake: x509_tlsa_test
    ++compared;
    EXPECT_EQ(got, wanted);
  }
  EXPECT_EQ(compared, 11);
}

TEST_F(DaneTest, RowsSayAtWhichNameTheyWereFound) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true, "host.example.net");
  dns.tlsa("host.example.net", true, 2);
  EXPECT_EQ(dane("example.org"), "all");
  const auto found_at = [this](const std::string& host) {
    const auto rows = tlsa(rows::tlsa_base(host));
    return rows.size() == 1 ? rows.front().found_at : "another count of rows";
  };
  EXPECT_EQ(found_at("mx.example.org"), "host.example.net");
  EXPECT_EQ(found_at("host.example.net"), "");

  dns.mx("two.test", {"mx.two.test"}, true);
  dns.address("mx.two.test", true, "host.two.test");
  dns.tlsa("mx.two.test");
  EXPECT_EQ(dane("two.test"), "all");
  EXPECT_EQ(found_at("mx.two.test"), "") << "nothing at the expanded name";
}

// Semantics 11: a DNS error with nothing cached is retried in 60 s; while somebody asks, at growing
// distances.
TEST_F(DaneTest, AFailedMxLookupWithNothingStoredIsRetried) {
  dns.set("example.org", dns::Type::mx, Outcome::servfail);
  EXPECT_EQ(dane("example.org"), "error");
  EXPECT_TRUE(routes("example.org").empty()) << "there is no host to tell readers about";
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true);
  dns.tlsa("mx.example.org");
  advance(kMinute);
  EXPECT_EQ(routes("example.org").size(), 1U) << "without another question";
  EXPECT_EQ(dane("example.org"), "all");
}

TEST_F(DaneTest, MxLookupsThatKeepFailingAreAskedForADay) {
  dns.set("example.org", dns::Type::mx, Outcome::servfail);
  EXPECT_EQ(dane("example.org"), "error");
  const auto asked = [this] { return dns.count("example.org", dns::Type::mx); };
  advance(kHour);
  EXPECT_GE(asked(), 5);
  EXPECT_LE(asked(), 9);
  advance(2 * kDay);
  const int then = asked();
  EXPECT_LE(then, 50);
  advance(2 * kDay);
  EXPECT_EQ(asked(), then);
}

TEST_F(DaneTest, WithoutRecordsAtTheExpandedNameTheOriginalIsTried) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", true, "host.example.net");
  dns.tlsa("mx.example.org");
  dns.tlsa("host.example.net", false);
  EXPECT_EQ(dane("example.org"), "all");
  EXPECT_EQ(tlsa_count("host.example.net"), 1);
  EXPECT_EQ(tlsa_count("mx.example.org"), 1);
}

TEST_F(DaneTest, AnAliasInAnUnsignedZoneIsNotAskedForTlsa) {
  dns.mx("example.org", {"mx.example.org"}, true);
  dns.address("mx.example.org", false, "host.example.net");
  dns.put("mx.example.org", dns::Type::cname, {dns::Alias{"host.example.net"}}, false);
  EXPECT_EQ(dane("example.org"), "none");
  EXPECT_EQ(tlsa_count("mx.example.org"), 0);
  dns.set("mx.example.org", dns::Type::cname, Outcome::servfail);
  dns.mx("two.test", {"mx.example.org"}, true);
  EXPECT_EQ(dane("two.test"), "error");
}

TEST(JoinAddresses, EveryPairOfOutcomes) {
  using policy::AddressSecurity;
  const auto answer = [](Outcome outcome, bool ad) {
    resolve::Answer one;
    one.outcome = outcome;
    one.authenticated = ad;
    return one;
  };
  for (const Outcome failure : {Outcome::servfail, Outcome::refused, Outcome::timeout,
                                Outcome::bogus, Outcome::malformed, Outcome::network}) {
    for (const Outcome other : {Outcome::nodata, Outcome::nxdomain, Outcome::servfail}) {
      EXPECT_EQ(join_addresses(answer(failure, false), answer(other, true)).security,
                AddressSecurity::error);
      const auto aaaa_fails = join_addresses(answer(other, true), answer(failure, false));
      EXPECT_EQ(aaaa_fails.security, AddressSecurity::error);
      const std::string word(resolve::outcome_name(failure));
      EXPECT_EQ(aaaa_fails.failed,
                other == Outcome::servfail ? "A: servfail, AAAA: " + word : "AAAA: " + word);
    }
    for (const bool ad : {false, true}) {
      EXPECT_EQ(join_addresses(answer(Outcome::ok, ad), answer(failure, false)).security,
                ad ? AddressSecurity::secure : AddressSecurity::insecure);
    }
  }
  EXPECT_EQ(join_addresses(answer(Outcome::nodata, false), answer(Outcome::nodata, false)).security,
            AddressSecurity::none);
  EXPECT_EQ(join_addresses(answer(Outcome::nodata, false), answer(Outcome::nxdomain, false)).failed,
            "");
  EXPECT_EQ(join_addresses(answer(Outcome::ok, true), answer(Outcome::ok, false)).security,
            AddressSecurity::insecure);
  EXPECT_EQ(join_addresses(answer(Outcome::ok, true), answer(Outcome::nodata, false)).security,
            AddressSecurity::secure);
}

}  // namespace
}  // namespace mxw::policyd
