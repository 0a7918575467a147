#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "map/limits.hpp"
#include "map/query.hpp"

namespace mxw::map {
namespace {

struct Case {
  std::string key;
  KeyKind kind;
  std::string domain;
};

const std::vector<Case> kKeys = {
    {"example.org", KeyKind::domain, "example.org"},
    {"Example.ORG", KeyKind::domain, "example.org"},
    {"example.org.", KeyKind::domain, "example.org"},
    {"example.org:25", KeyKind::domain, "example.org"},
    {"example.org:submission", KeyKind::domain, "example.org"},
    {"b\xc3\xbc"
     "cher.example",
     KeyKind::domain, "xn--bcher-kva.example"},
    {"xn--bcher-kva.example", KeyKind::domain, "xn--bcher-kva.example"},
    {"[mx1.example.org]", KeyKind::smart_host, "mx1.example.org"},
    {"[MX1.example.org]:587", KeyKind::smart_host, "mx1.example.org"},
    {"[192.0.2.1]", KeyKind::address, ""},
    {"[192.0.2.1]:25", KeyKind::address, ""},
    {"[IPv6:2001:db8::1]", KeyKind::address, ""},
    {"[2001:db8::1]:25", KeyKind::address, ""},
    {"192.0.2.1", KeyKind::address, ""},
    {"192.0.2.1:25", KeyKind::address, ""},
    {"2001:db8::1", KeyKind::address, ""},
    {".example.org", KeyKind::parent, ""},
    {".", KeyKind::parent, ""},
    {"", KeyKind::garbage, ""},
    {"example..org", KeyKind::garbage, ""},
    {"-example.org", KeyKind::garbage, ""},
    {"exa mple.org", KeyKind::garbage, ""},
    {"example.org\n", KeyKind::garbage, ""},
    {std::string("example.org\0", 12), KeyKind::garbage, ""},
    {"example.org:", KeyKind::garbage, ""},
    {"example.org:25:26", KeyKind::garbage, ""},
    {"example.org:2 5", KeyKind::garbage, ""},
    {"example.org:" + std::string(40, '1'), KeyKind::garbage, ""},
    {":25", KeyKind::garbage, ""},
    {"[", KeyKind::garbage, ""},
    {"[]", KeyKind::garbage, ""},
    {"[example.org", KeyKind::garbage, ""},
    {"[example.org]x", KeyKind::garbage, ""},
    {"[example.org]:", KeyKind::garbage, ""},
    {"[[example.org]]", KeyKind::garbage, ""},
    {"[.example.org]", KeyKind::garbage, ""},
    {"example.org]", KeyKind::garbage, ""},
    {"1.2.3", KeyKind::garbage, ""},
    {"user@example.org", KeyKind::garbage, ""},
    {"/var/run/lmtp", KeyKind::garbage, ""},
    {"\xff\xfe.example", KeyKind::garbage, ""},
    {"*.example.org", KeyKind::garbage, ""},
    {std::string(64, 'a') + ".example", KeyKind::garbage, ""},
    {std::string(limits::kKeyBytes + 1, 'a'), KeyKind::garbage, ""},
};

TEST(MapQuery, AKeyIsADomainASmartHostOrNothingToLookUp) {
  for (const Case& c : kKeys) {
    const Key key = classify_key(c.key);
    EXPECT_EQ(name(key.kind), name(c.kind)) << c.key;
    EXPECT_EQ(key.domain, c.domain) << c.key;
  }
}

TEST(MapQuery, NameAndKeyPartAtTheFirstBlank) {
  const auto plain = split_query("postfix example.org");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->map, "postfix");
  EXPECT_EQ(plain->key, "example.org");
  const auto two = split_query("postfix  example.org");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->key, " example.org");
  EXPECT_FALSE(split_query("example.org").has_value());
  EXPECT_FALSE(split_query("").has_value());
}

TEST(MapQuery, TheNameOfTheMapSaysTheDialect) {
  const MapNames names({{"postfix", Dialect::postfix}, {"sts", Dialect::sendmail}});
  ASSERT_TRUE(names.find("sts").has_value());
  EXPECT_EQ(names.dialect(*names.find("sts")), Dialect::sendmail);
  EXPECT_EQ(names.dialect(*names.find("postfix")), Dialect::postfix);
  EXPECT_FALSE(names.find("Postfix").has_value());
  EXPECT_FALSE(names.find("").has_value());
}

}  // namespace
}  // namespace mxw::map
