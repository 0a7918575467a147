// The map from addresses to policy domains: the file, and DNS answers that were asked for.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/unit/judge_support.hpp"

namespace mxw::judge {
namespace {

using test::kNow;
using test::kServer;

class File {
 public:
  explicit File(const std::string& text) {
    char name[] = "/tmp/mxw-map-XXXXXX";
    close(mkstemp(name));
    path = name;
    std::ofstream(path) << text;
  }
  ~File() { std::remove(path.c_str()); }
  std::string path;
};

TEST(MxMapFile, IsReadWithOpenDatesAndComments) {
  const File file(
      "# policy_domain mx_host address since until\n"
      "example.org\tmx.example.org\t198.51.100.25\t-\t-\n\n"
      "Example.NET\tmx.example.net\t2001:db8::25\t2026-11-21T00:00:00Z\t2026-11-22T00:00:00Z\n");
  const auto map = load_mx_map(file.path);
  ASSERT_TRUE(map) << map.error().message;
  ASSERT_EQ(map->size(), 2U);
  EXPECT_EQ((*map)[1].domain, "example.net");
  EXPECT_TRUE((*map)[1].since && (*map)[1].until && !(*map)[0].until);
}

TEST(MxMapFile, ABadLineIsRefusedWithItsNumber) {
  for (const char* bad : {"example.org\tmx.example.org", "example.org\tmx.example.org\tmx2",
                          "a b\tmx.test\t192.0.2.1", "example.org\tmx.test\t192.0.2.1\tyesterday",
                          "a.test\tb.test\t192.0.2.1\t-\t-\tmore"}) {
    const File file(std::string("# one\n") + bad + "\n");
    const auto map = load_mx_map(file.path);
    ASSERT_FALSE(map) << bad;
    EXPECT_EQ(map.error().kind, ErrorKind::usage);
    EXPECT_NE(map.error().message.find(":2: "), std::string::npos) << map.error().message;
  }
  EXPECT_FALSE(load_mx_map("/nonexistent/map"));
}

dnswire::DnsAnswer answer(const std::string& name, dns::Type type, std::uint32_t ttl,
                          decltype(dns::Record::data) data) {
  dnswire::DnsAnswer a;
  a.query_seen = true;
  a.resolver = {*IpAddress::parse("192.0.2.53"), 53};
  a.at.time = kNow;
  a.message.response = true;
  a.message.questions.push_back({name, static_cast<std::uint16_t>(type), 1});
  a.message.answers.push_back({name, static_cast<std::uint16_t>(type), 1, ttl, std::move(data)});
  return a;
}

void teach(DomainMap& map, std::uint32_t ttl = 60) {
  map.learn(answer("example.org", dns::Type::mx, ttl, dns::Mx{10, "mx.example.org"}));
  map.learn(answer("mx.example.org", dns::Type::a, ttl, kServer));
}

TEST(DomainMap, LeadsFromTheAddressToTheDomainForAnHourAtLeast) {
  DomainMap map({}, {});
  teach(map);
  DomainBasis basis{};
  const auto found = map.behind(kServer, kNow + 59 * kMinute, basis);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].domain, "example.org");
  EXPECT_EQ(found[0].mx_host, "mx.example.org");
  EXPECT_EQ(basis, DomainBasis::mx_map);
  EXPECT_TRUE(map.behind(kServer, kNow + 61 * kMinute, basis).empty());
  DomainMap longer({}, {});
  teach(longer, 7'200);
  EXPECT_EQ(longer.behind(kServer, kNow + 119 * kMinute, basis).size(), 1U);
}

TEST(DomainMap, BelievesOnlyWhatWasAskedAndOnlyTheResolversGiven) {
  DomainBasis basis{};
  DomainMap unasked({}, {});
  auto a = answer("example.org", dns::Type::mx, 60, dns::Mx{10, "mx.example.org"});
  a.query_seen = false;
  unasked.learn(a);
  unasked.learn(answer("mx.example.org", dns::Type::a, 60, kServer));
  EXPECT_TRUE(unasked.behind(kServer, kNow, basis).empty());
  DomainMap other({}, {*IpAddress::parse("192.0.2.54")});
  teach(other);
  EXPECT_TRUE(other.behind(kServer, kNow, basis).empty());
}

TEST(DomainMap, TheFileBeatsTheWire) {
  DomainMap map({{"file.test", "mx.file.test", kServer, std::nullopt, kNow + kHour}}, {});
  teach(map);
  DomainBasis basis{};
  EXPECT_EQ(map.behind(kServer, kNow, basis).at(0).domain, "file.test");
  EXPECT_EQ(basis, DomainBasis::file);
  EXPECT_TRUE(map.behind(kServer, kNow + 2 * kHour, basis).empty()) << "both are over";
}

dnswire::DnsAnswer tlsa_answer(bool authenticated, std::uint16_t rcode) {
  auto a = answer("_25._tcp.mx.example.org", dns::Type::tlsa, 3'600,
                  dns::Tlsa{3, 1, 1, std::vector<std::uint8_t>(32, 7)});
  a.message.ad = authenticated;
  a.message.rcode = rcode;
  if (rcode != 0) a.message.answers.clear();
  return a;
}

TEST(DomainMap, AFailedOrForgedAnswerTakesNoTlsaSetAway) {
  for (const auto& [authenticated, rcode] :
       {std::pair{false, 2}, {false, 3}, {false, 0}, {true, 2}}) {
    DomainMap map({}, {});
    map.learn(tlsa_answer(true, 0));
    map.learn(tlsa_answer(authenticated, static_cast<std::uint16_t>(rcode)));
    const TlsaSet* const set = map.tlsa("mx.example.org", kNow);
    ASSERT_NE(set, nullptr);
    EXPECT_TRUE(set->authenticated && set->records.size() == 1) << authenticated << ' ' << rcode;
  }
}

TEST(DomainMap, FindsTheMxHostOfADomainAmongManyOfOneAddress) {
  DomainMap map({}, {});
  for (int i = 0; i < 2'000; ++i)
    map.learn(answer("d" + std::to_string(i) + ".test", dns::Type::mx, 60,
                     dns::Mx{10, "mx.example.org"}));
  map.learn(answer("z.test", dns::Type::mx, 60, dns::Mx{10, "mx.example.org"}));
  map.learn(answer("mx.example.org", dns::Type::a, 60, kServer));
  DomainBasis basis{};
  EXPECT_EQ(map.behind(kServer, kNow, basis).size(), kCandidates);
  EXPECT_EQ(map.mx_host_of("z.test", kServer, kNow), "mx.example.org");
}

}  // namespace
}  // namespace mxw::judge
