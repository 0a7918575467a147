// [reportd], [tlsrpt], [tlsrpt.send] and [intake]: what is taken and what does not go together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/load.hpp"

namespace mxw::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kGood = R"(
[reportd]
feed_users = ["root"]
lmtp = ""
datagram_users = ["1000"]
lmtp_users = ["postfix"]
[tlsrpt]
organisation = "Example Org"
contact = "tls-reports@example.org"
[tlsrpt.send]
enabled = true
sensor = true
smtp = "inet6:[::1]:2525"
sender = "tls-report"
delay_s = 0
https_allow = ["192.0.2.0/24"]
https_insecure = true
max_per_address = 5
max_per_day = 6
[[tlsrpt.send.dkim]]
selector = "2026"
key = "/etc/mxwarden/dkim.pem"
[[tlsrpt.send.dkim]]
selector = "ed.2026"
key = "/etc/mxwarden/dkim-ed.pem"
[[tlsrpt.source]]
name = "postfix"
mode = "mta+gaps"
addresses = ["192.0.2.1", "2001:db8::1"]
socket = "/var/spool/postfix/mxwarden/tlsrpt.sock"
[[tlsrpt.source]]
name = "wire"
mode = "sensor"
addresses = ["192.0.2.2"]
[intake]
domains = ["example.org"]
mx_hosts = ["mx.example.org"]
)";

TEST(ConfigReport, IsRead) {
  const auto config = parse(kGood, "m.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->reportd.feed_users, ElementsAre("root"));
  EXPECT_EQ(config->tlsrpt.organisation, "Example Org");
  EXPECT_EQ(config->tlsrpt.contact, "tls-reports@example.org");
  ASSERT_EQ(config->tlsrpt.sources.size(), 2U);
  const ReportSource& source = config->tlsrpt.sources[0];
  EXPECT_EQ(source.mode, ReportMode::mta_gaps);
  EXPECT_EQ(source.addresses[1].text(), "2001:db8::1");
  EXPECT_TRUE(config->tlsrpt.sources[1].socket.empty());
  const ReportSend& send = config->tlsrpt.send;
  EXPECT_TRUE(send.enabled && send.sensor && send.https_insecure);
  EXPECT_EQ(send.delay, 0);
  ASSERT_EQ(send.dkim.size(), 2U);
  EXPECT_EQ(send.dkim[0].selector, "2026");
  EXPECT_EQ(send.max_per_day, 6U);
  EXPECT_THAT(config->intake.domains, ElementsAre("example.org"));
  const auto again = parse(dump(*config), "again");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(changes(*config, *again).empty());
  EXPECT_EQ(changes(Config{}, *config).size(), 19U);
}

TEST(ConfigReport, NothingIsSentByDefault) {
  const Config config;
  EXPECT_FALSE(config.tlsrpt.send.enabled);
  EXPECT_TRUE(config.tlsrpt.sources.empty());
  EXPECT_TRUE(config.intake.domains.empty());
}

TEST(ConfigReport, RefusesWithPlaceAndReason) {
  const std::string who = "[tlsrpt]\norganisation = \"O\"\ncontact = \"c@example.org\"\n";
  const std::string sends = "[tlsrpt.send]\nenabled = true\n";
  const std::string source = "[[tlsrpt.source]]\nname = \"a\"\n";
  const std::pair<std::string, const char*> rows[] = {
      {sends, "m.toml:2:11: [tlsrpt.send] is \"enabled\" without \"organisation\""},
      {"[tlsrpt]\norganisation = \"O\"\n" + sends,
       "m.toml:4:11: [tlsrpt.send] is \"enabled\" "
       "without \"contact\""},
      {who + sends, "m.toml:5:11: [tlsrpt.send] is \"enabled\" without a key"},
      {"[tlsrpt]\ncontact = \"c\"\n", "m.toml:2:11: \"contact\": \"c\" is no mail address"},
      {"[tlsrpt]\ncontact = \"c..d@example.org\"\n", "is no mail address"},
      {"[tlsrpt]\ncontact = \"c@192.0.2.1\"\n", "is no mail address"},
      {"[tlsrpt]\norganisation = \"a\\nb\"\n", "no control characters"},
      {"[tlsrpt.send]\nsender = \"a+b\"\n", "m.toml:2:10: \"sender\": \"a+b\" is not of at most"},
      {"[tlsrpt.send]\ndelay_s = 14401\n", "m.toml:2:11: \"delay_s\" is not from 0 to 14400"},
      {"[[tlsrpt.send.dkim]]\nselector = \"a b\"\nkey = \"/k\"\n", "is no selector"},
      {"[[tlsrpt.send.dkim]]\nselector = \"a\"\n", "key \"key\" is missing"},
      {"[tlsrpt.send]\ndkim = [{selector = \"a\", key = \"/a\"}, {selector = \"a\", key = \"/b\"}]",
       "m.toml:2:8: \"dkim\" has the selector \"a\" twice"},
      {source, "m.toml:1:1: [[tlsrpt.source]]: key \"mode\" is missing"},
      {source + "mode = \"mta\"\n", "m.toml:1:1: [[tlsrpt.source]] of mode \"mta\" needs a"},
      {source + "mode = \"sensor\"\nsocket = \"/s\"\n", "of mode \"sensor\" has no \"socket\""},
      {source + "mode = \"both\"\n", "m.toml:3:8: \"mode\" is not one of"},
      {source + "mode = \"mta\"\nsocket = \"/s\"\n" + source + "mode = \"mta\"\nsocket = \"/t\"\n",
       "m.toml:5:1: [[tlsrpt.source]] \"a\" is there twice"},
      {source + "mode = \"sensor\"\n", "of mode \"sensor\" needs the \"addresses\""},
      {source + "mode = \"mta\"\nsocket = \"/s\"\n[[tlsrpt.source]]\nname = \"b\"\nmode = "
                "\"mta\"\nsocket = \"/s\"\naddresses = [\"192.0.2.1\"]\n",
       "another source has the socket \"/s\""},
      {source + "mode = \"sensor\"\naddresses = [\"192.0.2.1\", \"192.0.2.1\"]\n",
       "another source has the address 192.0.2.1"},
      {"[intake]\ndomains = [\"_x.example\"]\n", "\"_x.example\" is no host name"},
      {"[tlsrpt]\nsend = 1\n", "[tlsrpt.send] is not a table"},
      {"[tlsrpt]\nenabled = true\n", "it belongs into [tlsrpt.send]"},
  };
  for (const auto& [text, message] : rows) {
    const auto config = parse(text, "m.toml");
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message)) << text;
  }
  EXPECT_TRUE(parse(who + sends + "signing = \"mta\"\n", "m.toml"));
}

}  // namespace
}  // namespace mxw::config
