// DANE from facts and from rows (RFC 7672): what is usable, what a host is worth, what a domain is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/dns/tlsa.hpp"
#include "core/rows/dane_rows.hpp"

namespace mxw {
namespace {

using policy::AddressSecurity;
using policy::DaneFacts;
using policy::DaneState;
using policy::HostDane;
using policy::TlsaAnswer;

dns::Tlsa tlsa(std::uint8_t usage, std::uint8_t selector, std::uint8_t matching,
               std::size_t octets) {
  return {usage, selector, matching, std::vector<std::uint8_t>(octets, 0xab)};
}

TEST(Tlsa, UsableAreTheCombinationsOfRfc7672) {
  for (const std::uint8_t selector : {0, 1}) {
    for (const std::uint8_t usage : {2, 3}) {
      EXPECT_TRUE(dns::is_usable(tlsa(usage, selector, 1, 32)));
      EXPECT_TRUE(dns::is_usable(tlsa(usage, selector, 2, 64)));
      EXPECT_FALSE(dns::is_usable(tlsa(usage, selector, 1, 16)));
      EXPECT_FALSE(dns::is_usable(tlsa(usage, selector, 1, 0)));
      EXPECT_FALSE(dns::is_usable(tlsa(usage, selector, 2, 32)));
      EXPECT_FALSE(dns::is_usable(tlsa(usage, selector, 3, 32)));
      EXPECT_FALSE(dns::is_usable(tlsa(usage, selector, 0, 40))) << "no DER";
      EXPECT_TRUE(dns::is_usable({usage, selector, 0, {0x30, 0x02, 0x05, 0x00}}));
      EXPECT_TRUE(dns::is_usable({usage, selector, 0, {0x30, 0x81, 0x02, 0x05, 0x00}}));
      EXPECT_FALSE(dns::is_usable({usage, selector, 0, {0x30, 0x02, 0x05, 0x00, 0x00}}));
      EXPECT_FALSE(dns::is_usable({usage, selector, 0, {0x30, 0x80, 0x05, 0x00}}));
      EXPECT_FALSE(dns::is_usable({usage, selector, 0, {0x30}}));
      EXPECT_FALSE(dns::is_usable({usage, selector, 0, {}}));
    }
    EXPECT_FALSE(dns::is_usable(tlsa(0, selector, 1, 32)));
    EXPECT_FALSE(dns::is_usable(tlsa(1, selector, 1, 32)));
    EXPECT_FALSE(dns::is_usable(tlsa(255, selector, 1, 32)));
  }
  EXPECT_FALSE(dns::is_usable(tlsa(3, 2, 1, 32)));
}

TEST(Tlsa, OctetsAreReadAndWrittenTheSame) {
  const dns::Tlsa record = tlsa(3, 1, 1, 32);
  EXPECT_EQ(dns::parse_tlsa(dns::tlsa_rdata(record)), record);
  EXPECT_FALSE(dns::parse_tlsa(std::vector<std::uint8_t>{3, 1}));
}

// RFC 7671 section 9, its own example.
TEST(Tlsa, TheStrongestDigestOfAUsageAndSelectorCounts) {
  const std::vector<dns::Tlsa> set = {
      tlsa(3, 1, 1, 32), tlsa(3, 1, 2, 64), {3, 1, 0, {0x30, 0x01, 0x00}}, tlsa(2, 1, 1, 32)};
  EXPECT_EQ(dns::applicable(set), (std::vector<std::size_t>{1, 2, 3}));
  const std::vector<dns::Tlsa> damaged = {tlsa(3, 1, 1, 32), tlsa(3, 1, 2, 63)};
  EXPECT_EQ(dns::applicable(damaged), std::vector<std::size_t>{0}) << "unusable ones go first";
}

HostDane judge(AddressSecurity address, TlsaAnswer answer, std::vector<dns::Tlsa> records = {}) {
  return policy::judge_host({address, answer, std::move(records)});
}

TEST(DaneHost, EveryCombination) {
  const auto good = tlsa(3, 1, 1, 32), bad = tlsa(0, 1, 1, 32);
  for (const auto answer : {TlsaAnswer::not_asked, TlsaAnswer::absent, TlsaAnswer::insecure,
                            TlsaAnswer::present, TlsaAnswer::error}) {
    EXPECT_EQ(judge(AddressSecurity::none, answer, {good}), HostDane::none);
    EXPECT_EQ(judge(AddressSecurity::insecure, answer, {good}), HostDane::none);
    EXPECT_EQ(judge(AddressSecurity::error, answer, {good}), HostDane::error);
  }
  for (const auto address : {AddressSecurity::secure, AddressSecurity::secure_alias}) {
    EXPECT_EQ(judge(address, TlsaAnswer::absent), HostDane::none);
    EXPECT_EQ(judge(address, TlsaAnswer::insecure, {good}), HostDane::none);
    EXPECT_EQ(judge(address, TlsaAnswer::error), HostDane::error);
    EXPECT_EQ(judge(address, TlsaAnswer::not_asked), HostDane::error);
    EXPECT_EQ(judge(address, TlsaAnswer::present, {good, bad}), HostDane::usable);
    EXPECT_EQ(judge(address, TlsaAnswer::present, {bad}), HostDane::unusable_only);
  }
}

TEST(DaneDomain, SummaryOfItsHosts) {
  using enum HostDane;
  const auto of = [](std::vector<HostDane> hosts, bool secure = true) {
    return policy::summarize(hosts, secure);
  };
  EXPECT_EQ(of({}), DaneState::none);
  EXPECT_EQ(of({none, none}), DaneState::none);
  EXPECT_EQ(of({usable, usable}), DaneState::all);
  EXPECT_EQ(of({usable, none}), DaneState::some);
  EXPECT_EQ(of({usable, unusable_only}), DaneState::some);
  EXPECT_EQ(of({unusable_only}), DaneState::some);
  EXPECT_EQ(of({usable, error}), DaneState::error);
  EXPECT_EQ(of({none, error}), DaneState::error);
  EXPECT_EQ(of({usable, usable}, false), DaneState::some) << "the MX set can be replaced";
}

constexpr Time kNow{1'795'000'000 * kSecond};

struct Rows {
  std::vector<rows::RouteRow> routes;
  std::map<std::string, std::vector<rows::TlsaRow>, std::less<>> tlsa;

  void host(const std::string& name, AddressSecurity address, bool mx_secure = true,
            std::int64_t left = kHour) {
    rows::RouteRow row;
    row.policy_domain = "example.org";
    row.mx_host = name;
    row.source = rows::route_source({false, mx_secure, address});
    row.seen = kNow;
    row.until = kNow + left;
    routes.push_back(row);
  }
  void record(const std::string& host, std::vector<std::uint8_t> rdata, bool ad = true,
              std::int64_t left = kHour) {
    rows::TlsaRow row;
    row.base = rows::tlsa_base(host);
    row.rdata = std::move(rdata);
    row.ad = ad;
    row.until = kNow + left;
    tlsa[row.base].push_back(row);
  }
  [[nodiscard]] rows::DaneOfDomain judged(Time now = kNow) const {
    return rows::dane_of(
        routes,
        [this](std::string_view base) -> std::span<const rows::TlsaRow> {
          const auto at = tlsa.find(base);
          return at == tlsa.end() ? std::span<const rows::TlsaRow>{} : at->second;
        },
        now);
  }
};

// RFC 7672 section 3.2.2, with section 2.2.2 for the base domain.
TEST(DaneRows, TheNamesACertificateMayStandFor) {
  using testing::ElementsAre;
  Rows known;
  known.host("mx.example.org", AddressSecurity::secure);
  known.record("mx.example.org", {2, 1, 1, 7});
  std::vector<rows::TlsaRow>& tlsa = known.tlsa[rows::tlsa_base("mx.example.org")];
  rows::RouteRow& route = known.routes.front();
  EXPECT_THAT(rows::tlsa_references(route, tlsa), ElementsAre("mx.example.org", "example.org"));
  tlsa.front().found_at = "host.example.net";
  EXPECT_THAT(rows::tlsa_references(route, tlsa), ElementsAre("host.example.net", "example.org"));
  route.source = rows::route_source({false, false, AddressSecurity::secure});
  EXPECT_THAT(rows::tlsa_references(route, tlsa), ElementsAre("host.example.net"))
      << "whoever forges the MX answer has a certificate for a name of his own";
  route.source = rows::route_source({true, true, AddressSecurity::secure});
  route.mx_host = "example.org";
  EXPECT_THAT(rows::tlsa_references(route, {}), ElementsAre("example.org")) << "each once";
}

TEST(DaneRows, SourcesAreReadAndWrittenTheSame) {
  for (const auto address :
       {AddressSecurity::none, AddressSecurity::insecure, AddressSecurity::secure,
        AddressSecurity::secure_alias, AddressSecurity::error}) {
    for (const bool secure : {false, true}) {
      const rows::RouteFacts facts{secure, !secure, address};
      EXPECT_EQ(rows::parse_route_source(rows::route_source(facts)), facts);
    }
  }
  EXPECT_FALSE(rows::parse_route_source("sensor"));
  EXPECT_FALSE(rows::parse_route_source(""));
}

TEST(DaneRows, SecureHostsWithRecords) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure);
  rows.record("a.example.org", dns::tlsa_rdata(tlsa(3, 1, 1, 32)), true, kMinute);
  EXPECT_EQ(rows.judged().state, DaneState::all);
  EXPECT_EQ(rows.judged().until, kNow + kMinute);
  rows.host("b.example.org", AddressSecurity::insecure);
  EXPECT_EQ(rows.judged().state, DaneState::some);
  rows.host("c.example.org", AddressSecurity::error);
  EXPECT_EQ(rows.judged().state, DaneState::error);
  ASSERT_EQ(rows.judged().hosts.size(), 3U);
  EXPECT_EQ(rows.judged().hosts[2].dane, HostDane::error);
}

TEST(DaneRows, MissingOrExpiredRecordsOfASecureHostAreAnError) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure);
  EXPECT_EQ(rows.judged().state, DaneState::error);
  rows.record("a.example.org", {}, true, kMinute);
  EXPECT_EQ(rows.judged().state, DaneState::none) << "a denial";
  EXPECT_EQ(rows.judged(kNow + 2 * kMinute).state, DaneState::error);
}

TEST(DaneRows, UnsignedRecordsAreNone) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure);
  rows.record("a.example.org", dns::tlsa_rdata(tlsa(3, 1, 1, 32)), false);
  EXPECT_EQ(rows.judged().state, DaneState::none);
}

TEST(DaneRows, MalformedOnlyMeansTlsWithoutAuthentication) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure);
  rows.record("a.example.org", {3, 1});
  ASSERT_EQ(rows.judged().hosts.size(), 1U);
  EXPECT_EQ(rows.judged().hosts[0].dane, HostDane::unusable_only);
}

TEST(DaneRows, OldRoutesAndThoseOfOthersAreNoBasis) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure, true, -kDay - 1);
  rows.host("b.example.org", AddressSecurity::secure);
  rows.routes.back().source = "wire";
  EXPECT_TRUE(rows.judged().hosts.empty());
  EXPECT_EQ(rows.judged().state, DaneState::none);
}

TEST(DaneRows, AnUnsignedMxSetIsNeverAll) {
  Rows rows;
  rows.host("a.example.org", AddressSecurity::secure, false);
  rows.record("a.example.org", dns::tlsa_rdata(tlsa(3, 1, 1, 32)));
  EXPECT_EQ(rows.judged().state, DaneState::some);
}

}  // namespace
}  // namespace mxw
