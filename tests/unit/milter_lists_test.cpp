// Lists, roles and settings.
#include "milter/lists.hpp"

#include <gtest/gtest.h>

#include "milter/role.hpp"
#include "milter/settings.hpp"

namespace mxw::milter {
namespace {

using config::MilterRole;

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

TEST(MilterLists, DomainsFirstFitDecides) {
  struct Row {
    std::vector<std::string> list;
    const char* domain;
    bool contains;
  };
  const Row kRows[] = {
      {{}, "example.org", false},
      {{"example.org"}, "example.org", true},
      {{"example.org"}, "a.example.org", false},
      {{"example.org"}, "aexample.org", false},
      {{".example.org"}, "a.example.org", true},
      {{".example.org"}, "a.b.example.org", true},
      {{".example.org"}, "example.org", false},
      {{".example.org"}, "aexample.org", false},
      {{"Example.ORG."}, "example.org", true},
      {{"*"}, "example.org", true},
      {{"*"}, "", false},
      {{"!example.org", "*"}, "example.org", false},
      {{"!example.org", "*"}, "example.net", true},
      {{"*", "!example.org"}, "example.org", true},
      {{"! .example.org", ".org"}, "a.example.org", false},
      {{"b\xc3\xbc"
        "cher.example"},
       "xn--bcher-kva.example",
       true},
  };
  for (const Row& row : kRows) {
    const auto list = DomainList::parse(row.list);
    ASSERT_TRUE(list) << row.list.front();
    EXPECT_EQ(list->contains(row.domain), row.contains) << row.domain;
  }
  for (const char* bad : {"", "!", ".", "a b", "[192.0.2.1]", "192.0.2.1", "*.example.org", "!!a"})
    EXPECT_FALSE(DomainList::parse(std::vector<std::string>{bad})) << bad;
}

TEST(MilterLists, ClientsByNameAndByNetwork) {
  struct Row {
    std::vector<std::string> list;
    const char* host;
    const char* address;
    bool contains;
  };
  const Row kRows[] = {
      {{"192.0.2.0/24"}, "", "192.0.2.9", true},
      {{"192.0.2.0/24"}, "", "198.51.100.9", false},
      {{"!192.0.2.9", "192.0.2.0/24"}, "", "192.0.2.9", false},
      {{"2001:db8::/32"}, "", "2001:db8::1", true},
      {{"2001:db8::/32"}, "", "192.0.2.9", false},
      {{"0.0.0.0/0"}, "", "2001:db8::1", false},
      {{"mail.example.org"}, "Mail.Example.org.", "192.0.2.9", true},
      {{"mail.example.org"}, "", "192.0.2.9", false},
      {{"mail.example.org"}, "x.mail.example.org", "192.0.2.9", false},
      {{".example.org"}, "mail.example.org", "192.0.2.9", true},
      {{"!mail.example.org", ".example.org"}, "mail.example.org", "192.0.2.9", false},
      {{".example.org"}, "[192.0.2.9]", "192.0.2.9", false},
      {{".example.org"}, "unknown", "192.0.2.9", false},
  };
  for (const Row& row : kRows) {
    const auto list = ClientList::parse(row.list);
    ASSERT_TRUE(list) << row.list.front();
    EXPECT_EQ(list->contains(row.host, ip(row.address)), row.contains)
        << row.list.front() << ' ' << row.host << ' ' << row.address;
  }
  EXPECT_FALSE(ClientList::parse(std::vector<std::string>{"0.0.0.0/0"})->contains("", {}));
  for (const char* bad : {"", "!", "192.0.2.0/33", "192.0.2", "*", "a b", "!!a.example"})
    EXPECT_FALSE(ClientList::parse(std::vector<std::string>{bad})) << bad;
}

TEST(MilterLists, AddressesWrittenAsTheOtherFamily) {
  EXPECT_EQ(unmapped(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
  EXPECT_EQ(unmapped(ip("2001:db8::1")), ip("2001:db8::1"));
  EXPECT_EQ(unmapped(ip("::192.0.2.1")), ip("::192.0.2.1"));  // compatible, not mapped
  for (const char* loopback : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(ip(loopback))) << loopback;
  for (const char* other : {"128.0.0.1", "::", "::2", "2001:db8::1"})
    EXPECT_FALSE(is_loopback(ip(other))) << other;
}

TEST(MilterRole, InTheOrderOfSemantics) {
  RoleRules rules;
  rules.daemon_names = {{"originating", MilterRole::submission}, {"mta", MilterRole::automatic}};
  rules.daemon_ports = {{"10026", MilterRole::local}, {"587", MilterRole::submission}};
  rules.trusted_networks = {*Cidr::parse("192.0.2.0/24"), *Cidr::parse("127.0.0.2")};
  struct Row {
    const char *daemon, *port;
    bool auth;
    const char* client;  // "": no address
    std::uint16_t client_port;
    Role role;
  };
  const Row kRows[] = {
      {"ORIGINATING", "25", false, "198.51.100.1", 4711, Role::submission},
      {"ORIGINATING", "10026", false, "127.0.0.1", 4711, Role::submission},  // name before port
      {"MTA", "10026", false, "198.51.100.1", 4711, Role::local},  // `automatic` decides nothing
      {"MTA", "25", true, "192.0.2.1", 4711, Role::submission},    // AUTH before networks
      {"MTA", "25", true, "127.0.0.1", 4711, Role::submission},
      {"MTA", "25", false, "192.0.2.1", 4711, Role::relay},
      {"MTA", "25", false, "192.0.2.1", 0, Role::relay},
      {"MTA", "25", false, "127.0.0.2", 4711, Role::relay},  // networks before loopback
      {"MTA", "25", false, "127.0.0.1", 4711, Role::local},
      {"MTA", "25", false, "::1", 4711, Role::local},
      {"MTA", "25", false, "198.51.100.1", 0, Role::local},
      {"MTA", "0", false, "", 0, Role::local},
      {"", "", false, "198.51.100.1", 4711, Role::inbound},
      {"", "", false, "2001:db8::1", 4711, Role::inbound},
  };
  for (const Row& row : kRows) {
    RoleFacts facts{row.daemon, row.port, row.auth, {}};
    if (*row.client != '\0') facts.client = Endpoint{ip(row.client), row.client_port};
    EXPECT_EQ(name(role_of(rules, facts)), name(row.role))
        << row.daemon << ' ' << row.port << ' ' << row.client << ' ' << row.client_port;
  }
  rules.listener = MilterRole::inbound;
  EXPECT_EQ(role_of(rules, {"ORIGINATING", "587", true, {}}), Role::inbound);
}

TEST(MilterSettings, AreMadeOfTheConfiguration) {
  config::Milter milter;
  milter.daemon_names = {{"ORIGINATING", MilterRole::submission}};
  milter.exempt = {"!192.0.2.9", "192.0.2.0/24"};
  milter.defer.peers = {*Cidr::parse("198.51.100.0/24")};
  milter.defer.domains = {"!example.net", "*"};
  milter.defer.max_age = 7 * kMinute;
  milter.on_internal_error = config::InternalError::tempfail;
  milter.overrides = {{{"example.org"}, {*Cidr::parse("198.51.100.9")}, Action::accept},
                      {{".example.org", "example.org"}, {}, Action::defer},
                      {{}, {*Cidr::parse("198.51.100.8")}, Action::quarantine}};
  const auto made = Settings::compile(milter);
  ASSERT_TRUE(made);
  const Settings& settings = **made;
  EXPECT_EQ(settings.roles.daemon_names.at("originating"), MilterRole::submission);
  EXPECT_TRUE(settings.exempt.contains("", ip("192.0.2.1")));
  EXPECT_TRUE(settings.defer_domains.contains("example.org"));
  EXPECT_FALSE(settings.defer_domains.contains("example.net"));
  EXPECT_TRUE(settings.choices.defers && settings.choices.tempfail_on_error);
  EXPECT_EQ(settings.choices.max_age, 7 * kMinute);
  EXPECT_EQ(settings.overridden("example.org", ip("198.51.100.9")), Action::accept);
  EXPECT_EQ(settings.overridden("example.org", ip("198.51.100.8")), Action::defer);
  EXPECT_EQ(settings.overridden("a.example.org", {}), Action::defer);
  EXPECT_EQ(settings.overridden("example.com", ip("198.51.100.8")), Action::quarantine);
  EXPECT_EQ(settings.overridden("example.com", ip("198.51.100.7")), std::nullopt);
  EXPECT_EQ(settings.overridden("example.com", {}), std::nullopt);

  const auto plain = Settings::compile({});
  ASSERT_TRUE(plain);
  EXPECT_FALSE((*plain)->choices.defers || (*plain)->choices.tempfail_on_error);
}

TEST(MilterSettings, NameTheKeyThatIsWrong) {
  config::Milter milter;
  milter.exempt = {"not a host"};
  auto made = Settings::compile(milter);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::usage);
  EXPECT_EQ(made.error().message,
            "milter.exempt: \"not a host\" is neither host, .domain nor network");
  milter.exempt.clear();
  milter.defer.domains = {"[192.0.2.1]"};
  made = Settings::compile(milter);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "milter.defer.domains: \"[192.0.2.1]\" is no domain");
  milter.defer.domains.clear();
  milter.overrides = {{{"a b"}, {}, Action::tag}};
  made = Settings::compile(milter);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "milter.override: \"a b\" is no domain");
}

}  // namespace
}  // namespace mxw::milter
