// What is read from a datagram of libtlsrpt, and what is refused. The datagrams libtlsrpt itself
// wrote are named by the environment variable MXWARDEN_TLSRPT.
#include <random>

#include "core/base/utf8.hpp"
#include "reportd/datagram_text.hpp"
#include "tests/unit/reportd_support.hpp"

namespace mxw::reportd {
namespace {

std::string describe(const EventFailure& failure) {
  return std::string(policy::name(failure.type)) + " s=" + shown(failure.sending_ip) +
         " n=" + std::string(failure.mx_host) + " h=" + std::string(failure.mx_helo) +
         " r=" + shown(failure.receiving_ip) + " f=" + std::string(failure.reason);
}

// An event in words, or the word of garbage.
std::string describe(DatagramReader& reader, std::string_view text) {
  const auto event = reader.read(text);
  if (!event) return std::string(name(event.error()));
  std::string out = std::string((*event)->domain) + " <" + std::string((*event)->record) + ">\n";
  for (const EventPolicy& policy : (*event)->policies) {
    out += std::string(policy.type) + ' ' + std::string(policy.domain) + " [" +
           flat(policy.strings) + "] [" + flat(policy.mx_hosts) + "] " +
           (policy.final == Final::success ? "success" : "failure") + '\n';
    for (const EventFailure& failure : policy.failures) out += "  " + describe(failure) + '\n';
  }
  return out;
}

std::string read(std::string_view text) {
  DatagramReader reader;
  return describe(reader, text);
}

std::optional<std::string> shared_datagram(const std::string& name) {
  const char* const folder = std::getenv("MXWARDEN_TLSRPT");
  if (folder == nullptr) return std::nullopt;
  std::ifstream file(std::string(folder) + "/datagrams/" + name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(Datagram, WhatLibtlsrptWrote) {
  const auto first = shared_datagram("1-sts-success.json");
  if (!first) GTEST_SKIP() << "datagrams of libtlsrpt absent: not compared";
  EXPECT_EQ(read(*first),
            "example.net <v=TLSRPTv1; rua=mailto:tlsrpt@example.net>\n"
            "sts example.net [version: STSv1|mode: enforce|mx: *.mail.example.net|max_age: 604800] "
            "[*.mail.example.net] success\n");
  EXPECT_EQ(read(shared_datagram("2-sts-testing-starttls-missing.json").value()),
            "example.org <v=TLSRPTv1;rua=https://tlsrpt.example.org/v1>\n"
            "sts example.org [version: STSv1|mode: testing|mx: mx1.example.org|max_age: 86400] "
            "[mx1.example.org] failure\n"
            "  starttls-not-supported s=2001:db8::25 n=mx1.example.org h=mx1.example.org "
            "r=203.0.113.7 f=\n");
  EXPECT_EQ(read(shared_datagram("3-tlsa-ok-plus-nopolicy-failure.json").value()),
            "example.com <v=TLSRPTv1; rua=mailto:a@example.com,https://r.example.com/t>\n"
            "tlsa mx.example.com "
            "[3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff] [] success\n"
            "no-policy-found example.com [] [] failure\n"
            "  validation-failure s= n= h= r=198.51.100.9 f=self-signed_certificate \xc3\xa9\n");
}

TEST(Datagram, OrderOfMembersAndLinesDoesNotMatter) {
  const std::string one = R"({"dpv": "1","d": "Example.NET.","pr": "r","policies":[)"
                          R"({"policy-type":2,"policy-domain": "example.net","policy-string":)"
                          R"(["version: STSv1","mode: enforce","mx: a.example.net",)"
                          R"("mx: b.example.net","max_age: 1","x: y"],)"
                          R"("mx-host":["a.example.net","b.example.net"],"t":0,"f":1}]})";
  const std::string other =
      "  { \"policies\" : [ { \"f\" : 1 , \"more\" : {\"x\":[1,2.5e3,null,true]},"
      R"("mx-host":["B.example.net.","a.example.net","a.example.net"],)"
      R"("policy-string":["x: y","max_age: 1","mx: b.example.net","",)"
      R"("mode: enforce","mx: a.example.net","version: STSv1"],)"
      "\"policy-type\":2 } ] , \"pr\":\"r\"\t,\r\n \"d\" : \"example.net\" }\n";
  EXPECT_EQ(read(one),
            "example.net <r>\nsts example.net [version: STSv1|mode: enforce|mx: a.example.net|mx: "
            "b.example.net|max_age: 1|x: y] [a.example.net|b.example.net] failure\n");
  EXPECT_EQ(read(other), read(one));
}

TEST(Datagram, GarbageHasItsWord) {
  const std::string nested(20, '[');
  const std::string many = [] {
    std::string text = sts(R"("f":0)");
    for (std::size_t i = 0; i < kDatagramPolicies; ++i) text += ',' + sts(R"("f":0)");
    return text;
  }();
  const std::pair<std::string, std::string> kRows[] = {
      {"{nope", "syntax"},
      {"", "syntax"},
      {"{", "syntax"},
      {"5", "type"},
      {"[]", "type"},
      {"\"x\"", "type"},
      {"null", "type"},
      {good() + "x", "syntax"},
      {good() + good(), "syntax"},
      {std::string(good()) + '\0', "syntax"},
      {datagram("example.net", "null"), "type"},
      {R"({"d":"example.net","pr":"r","policies":null})", "type"},
      {R"({"d":"example.net","pr":"r","policies":{}})", "type"},
      {R"({"d":"example.net","pr":"r","policies":[]})", "no-policies"},
      {R"({"d":"example.net","pr":"r"})", "no-policies"},
      {R"({"pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"example.net","policies":[{"policy-type":9,"f":0}]})", "record"},
      {R"({"d":5,"pr":"r","policies":[{"policy-type":9,"f":0}]})", "type"},
      {R"({"d":"","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"192.0.2.1","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"a b","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"a..b","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"-a.test","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":"a-.test","pr":"r","policies":[{"policy-type":9,"f":0}]})", "domain"},
      {R"({"d":")" + std::string(64, 'a') + R"(.test","pr":"r","policies":[]})", "domain"},
      {R"({"dpv":"2","d":"example.net","pr":"r","policies":[{"policy-type":9,"f":0}]})", "version"},
      {R"({"dpv":1,"d":"example.net","pr":"r","policies":[{"policy-type":9,"f":0}]})", "type"},
      {R"({"d":"example.net","d":"example.net","pr":"r","policies":[]})", "twice"},
      {datagram("example.net", sts(R"("f":0,"f":0)")), "twice"},
      {datagram("example.net", sts(R"("t":0)")), "no-final"},
      {datagram("example.net", sts(R"("f":2)")), "no-final"},
      {datagram("example.net", sts(R"("f":-1)")), "no-final"},
      {datagram("example.net", sts(R"("f":0.5)")), "type"},
      {datagram("example.net", sts(R"("f":01)")), "syntax"},
      {datagram("example.net", sts(R"("f":"0")")), "type"},
      {datagram("example.net", sts(R"("f":99999999999999999999)")), "type"},
      {datagram("example.net", R"({"policy-type":3,"f":0})"), "policy-type"},
      {datagram("example.net", R"({"f":0})"), "policy-type"},
      {datagram("example.net", R"({"policy-type":9,"policy-domain":"x y","f":0})"), "domain"},
      {datagram("example.net", R"({"policy-type":9,"policy-domain":null,"f":0})"), "type"},
      {datagram("example.net", R"({"policy-type":9,"failure-details":[{}],"f":1})"), "type"},
      {datagram("example.net", R"({"policy-type":9,"failure-details":[5],"f":1})"), "type"},
      {datagram("example.net", R"({"policy-type":9,"mx-host":[1],"f":1})"), "type"},
      {datagram("example.net", R"({"policy-type":9,"x":)" + nested), "depth"},
      {datagram("example.net", many), "too-large"},
      {datagram("example\\u0000.net", sts(R"("f":0)")), "nul"},
      {datagram("example.net", sts("\"x\":\"a\x01\",\"f\":0")), "syntax"},
      {datagram("example.net", sts(R"("x":"\q","f":0)")), "syntax"},
      {datagram("example.net", sts(R"("x":"\u12","f":0)")), "syntax"},
      {datagram("example.net", sts(R"("x":tru,"f":0)")), "syntax"},
      {datagram("example.net", sts(R"("x":nan,"f":0)")), "syntax"},
      {datagram("example.net", sts(R"("f":0,)")), "syntax"},
      {datagram("example.net", sts(R"("policy-domain":"a" "f":0)")), "syntax"},
      {std::string(kDatagramBytes + 1, ' '), "too-large"},
  };
  DatagramReader reader;
  for (const auto& [text, word] : kRows) {
    EXPECT_EQ(describe(reader, text), word) << text.substr(0, 200);
    EXPECT_TRUE(reader.read(good())) << "no longer reads what is right, after " << text;
  }
}

TEST(Datagram, VersionMayBeAbsent) {
  EXPECT_EQ(read(R"({"d":"example.net","pr":"r","policies":[{"policy-type":9,"f":0}]})"),
            "example.net <r>\nno-policy-found example.net [] [] success\n");
}

std::string one_failure(const std::string& members) {
  DatagramReader reader;
  const std::string text = datagram(
      "example.net", R"({"policy-type":9,"failure-details":[{)" + members + R"(}],"t":1,"f":1})");
  const auto event = reader.read(text);
  if (!event) return std::string(name(event.error()));
  return describe((*event)->policies[0].failures[0]);
}

TEST(Datagram, FailureHasTheWordOfItsCode) {
  const std::pair<int, std::string> kRows[] = {{201, "starttls-not-supported"},
                                               {202, "certificate-host-mismatch"},
                                               {203, "certificate-not-trusted"},
                                               {204, "certificate-expired"},
                                               {205, "validation-failure"},
                                               {301, "sts-policy-fetch-error"},
                                               {302, "sts-policy-invalid"},
                                               {303, "sts-webpki-invalid"},
                                               {304, "tlsa-invalid"},
                                               {305, "dnssec-invalid"},
                                               {306, "dane-required"}};
  for (const auto& [code, word] : kRows) {
    EXPECT_EQ(one_failure("\"c\":" + std::to_string(code) + R"(,"f":"why")"),
              word + " s= n= h= r= f=why");
  }
  EXPECT_EQ(one_failure(R"("c":901,"f":"why")"), "validation-failure s= n= h= r= f=code-901");
  EXPECT_EQ(one_failure(R"("f":"why","c":-7)"), "validation-failure s= n= h= r= f=code--7");
}

TEST(Datagram, EhloReplyIsCutToItsName) {
  const std::pair<std::string, std::string> kRows[] = {
      {R"(mx1.example.org\r\nPIPELINING\r\nSIZE 52428800)", "mx1.example.org"},
      {R"(MX1.Example.Org Hello [192.0.2.7])", "mx1.example.org"},
      {R"(250-mx1.example.org\r\n250 SIZE)", "mx1.example.org"},
      {R"([192.0.2.7]\r\nSIZE)", "[192.0.2.7]"},
      {R"([IPv6:2001:DB8:0::1])", "[IPv6:2001:db8::1]"},
      {R"(user@example.org)", ""},
      {R"(*******)", ""},
      {R"([not an address])", ""},
      {"\xff\xfe", ""},
      {"", ""},
  };
  for (const auto& [reply, name_of] : kRows)
    EXPECT_EQ(one_failure(R"("c":201,"h":")" + reply + '"'),
              "starttls-not-supported s= n= h=" + name_of + " r= f=");
}

TEST(Datagram, AddressesAndNamesThatAreNoneAreLeftOut) {
  EXPECT_EQ(one_failure(R"("c":201,"s":"192.0.2.25","r":"2001:DB8::0:7","n":"MX.example.net.")"),
            "starttls-not-supported s=192.0.2.25 n=mx.example.net h= r=2001:db8::7 f=");
  EXPECT_EQ(one_failure(R"("c":201,"s":"192.0.2","r":"x","n":"[192.0.2.7]")"),
            "starttls-not-supported s= n= h= r= f=");
  EXPECT_EQ(one_failure(R"("c":201,"a":"https://example.com/alice@example.net","z":"x")"),
            "starttls-not-supported s= n= h= r= f=");
  EXPECT_EQ(one_failure("\"c\":201,\"n\":\"b\xc3\xbc"
                        "cher.example\""),
            "starttls-not-supported s= n=xn--bcher-kva.example h= r= f=");
}

TEST(Datagram, ReasonHoldsNobodysAddress) {
  const std::pair<std::string, std::string> kRows[] = {
      {"certificate has expired", "certificate has expired"},
      {"550 5.1.1 <alice@example.net> unknown", "550 5.1.1 * unknown"},
      {"id=20261126.4711@mx.example.net rejected", "* rejected"},
      {R"(\"alice smith\"@example.net unknown)", "*"},
      {"alice%40example.net unknown", "* unknown"},
      {R"(two\r\nlines\ttab)", "two??lines?tab"},
      {R"(\u0085 \ud800 \ud83d\ude00)", "? ? \xf0\x9f\x98\x80"},
      {"bad \xff\xc3 octets \xc3\xa9", "bad ?? octets \xc3\xa9"},
      {std::string(200, 'x'), std::string(128, 'x')},
      {std::string(127, 'x') + "\xc3\xa9", std::string(127, 'x')},
  };
  for (const auto& [text, reason] : kRows)
    EXPECT_EQ(one_failure(R"("c":205,"f":")" + text + '"'),
              "validation-failure s= n= h= r= f=" + reason);
}

TEST(Datagram, PoliciesAreMadeHarmless) {
  EXPECT_EQ(
      read(datagram("example.net",
                    R"({"policy-type":2,"f":0,"mx-host":["*.Example.NET","*.*.a","bad host"],)"
                    R"("policy-string":["mx: a\nb","contact: bob@example.net","mode: )"
                    "\xff\"]}")),
      "example.net <v=TLSRPTv1; rua=mailto:reports@example.net>\n"
      "sts example.net [mode: ?|mx: a?b|contact: *] [*.example.net] success\n");
}

// Whatever it is given: no octet of an event is a control character or no UTF-8.
void check_harmless(const TallyEvent& event) {
  const auto harmless = [](std::string_view text) {
    return utf8::valid(text) && std::ranges::none_of(text, [](char c) {
             return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == 0x7f;
           });
  };
  ASSERT_FALSE(event.domain.empty());
  for (const EventPolicy& policy : event.policies) {
    ASSERT_TRUE(harmless(policy.strings) && harmless(policy.mx_hosts) && harmless(policy.domain));
    ASSERT_TRUE(policy.strings.find('@') == std::string_view::npos);
    for (const EventFailure& failure : policy.failures) {
      ASSERT_TRUE(harmless(failure.reason) && failure.reason.size() <= 128);
      ASSERT_TRUE(harmless(failure.mx_host) && harmless(failure.mx_helo));
      ASSERT_TRUE(failure.reason.find('@') == std::string_view::npos);
    }
  }
}

TEST(Datagram, AnyCutIsGarbageAndAnyFlipIsHarmless) {
  const std::string whole = datagram(
      "example.net",
      R"({"policy-type":2,"policy-domain": "example.net","policy-string":["version: STSv1"],)"
      R"("mx-host":["*.example.net"],"failure-details":[{"c":201,"s": "2001:db8::25",)"
      R"("n": "mx1.example.org","h": "mx1.example.org\r\nSIZE","r": "203.0.113.7",)"
      R"("f":"a@b \u00e9 \ud83d\ude00"}],"t":1,"f":1})");
  DatagramReader reader;
  ASSERT_TRUE(reader.read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(reader.read(std::string(whole, 0, size))) << size;
  std::mt19937 random(8460);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (unsigned flips = 1 + random() % 3; flips > 0; --flips)
      text[random() % text.size()] = static_cast<char>(random());
    if (const auto event = reader.read(text)) check_harmless(**event);
  }
}

}  // namespace
}  // namespace mxw::reportd
