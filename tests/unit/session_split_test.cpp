// A stream in pieces cut at any octet gives the same evidence: conversations written here and those
// of our own captures, cut once at every octet, into single octets, and at random.
#include <gtest/gtest.h>

#include "tests/unit/session_support.hpp"

namespace mxw::session {
namespace {

using test::Dialogue;
using test::Turns;

using Cuts = std::vector<std::vector<std::size_t>>;  // lengths of pieces, by turn

std::string evidence_of(const Turns& turns, const Cuts& cuts, std::uint16_t port) {
  Dialogue d({.server_port = port, .step = 10'000});
  d.open();
  for (std::size_t i = 0; i < turns.size(); ++i) d.say(turns[i], cuts[i]);
  d.close();
  SessionBench bench;
  return describe(bench.play(d.packets));
}

// Every `stride`-th octet as the only cut.
void expect_same_for_any_split(const Turns& turns, std::uint16_t port, std::size_t stride,
                               const std::string& outcome = {}) {
  ASSERT_FALSE(turns.empty());
  const Cuts whole(turns.size());
  const std::string expected = evidence_of(turns, whole, port);
  ASSERT_NE(expected.find("outcome=" + outcome), std::string::npos) << expected;
  std::size_t n = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    for (std::size_t at = 1; at < turns[i].bytes.size(); ++at) {
      if (n++ % stride != 0) continue;
      Cuts cuts = whole;
      cuts[i] = {at};
      ASSERT_EQ(evidence_of(turns, cuts, port), expected) << "turn " << i << " cut at " << at;
    }
  }
  Cuts octets = whole;
  for (std::size_t i = 0; i < turns.size(); ++i) octets[i].assign(turns[i].bytes.size(), 1);
  ASSERT_EQ(evidence_of(turns, octets, port), expected) << "octet by octet";
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Cuts cuts = whole;
    for (std::size_t i = 0; i < turns.size(); ++i)
      for (int k = 0; k < 40; ++k) cuts[i].push_back(1 + random() % 40);
    ASSERT_EQ(evidence_of(turns, cuts, port), expected) << "seed " << seed;
  }
}

const Turns kGreeting = {{'S', "220-mx.example.org\r\n220 ESMTP\r\n"},
                         {'C', "EHLO client.example.net\r\n"},
                         {'S', "250-mx.example.org\r\n250-STARTTLS\r\n250 SIZE 1000\r\n"}};

Turns greeting_and(const Turns& more) {
  Turns all = kGreeting;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const char kHello[] = "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03";
const std::string kClientHello(kHello, sizeof kHello - 1);

TEST(SessionSplit, PlaintextWithData) {
  expect_same_for_any_split(
      greeting_and({{'C',
                     "MAIL FROM:<alice@example.net> SIZE=10\r\nRCPT TO:<bob@example.org>\r\n"
                     "RCPT TO:<eve@example.com>\r\nDATA\r\n"},
                    {'S', "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"},
                    {'C',
                     "Subject: x\r\n\r\nMAIL FROM:<x@example.com>\r\n..\r\n.x\r\n\n.\n\r\n.\r\n"
                     "QUIT\r\n"},
                    {'S', "250 queued\r\n221 bye\r\n"}}),
      25, 1);
}

TEST(SessionSplit, PlaintextWithBdat) {
  expect_same_for_any_split(
      greeting_and({{'C',
                     "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nBDAT 12\r\n"
                     "QUIT\r\nRSET\r\nBDAT 0\r\nBDAT 6 LAST\r\nDATA\r\nMAIL FROM:<>\r\n"},
                    {'S', "250 ok\r\n250 ok\r\n250 12\r\n250 0\r\n250 queued\r\n250 ok\r\n"}}),
      25, 1);
}

TEST(SessionSplit, Auth) {
  expect_same_for_any_split(greeting_and({{'C', "AUTH LOGIN\r\n"},
                                          {'S', "334 VXNlcm5hbWU6\r\n"},
                                          {'C', "YWxpY2U=\r\n"},
                                          {'S', "334 UGFzc3dvcmQ6\r\n"},
                                          {'C', "UVVJVA==\r\n"},
                                          {'S', "235 ok\r\n"},
                                          {'C', "MAIL FROM:<a@example.net>\r\n"},
                                          {'S', "250 ok\r\n"}}),
                            587, 1);
}

TEST(SessionSplit, OctetsInjectedBehindThe220) {
  expect_same_for_any_split(greeting_and({{'C', "STARTTLS\r\n"},
                                          {'S', "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"},
                                          {'C', kClientHello}}),
                            25, 1);
  expect_same_for_any_split(
      greeting_and(
          {{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n\x16not tls\r\n"}, {'C', kClientHello}}),
      25, 1);
}

TEST(SessionSplit, OctetsInjectedBehindTheCommand) {
  expect_same_for_any_split(
      greeting_and({{'C', "STARTTLS\r\nMAIL FROM:<alice@example.net>\r\nRCPT TO:<bob>\r\n"},
                    {'S', "220 go\r\n"},
                    {'C', kClientHello}}),
      25, 1);
}

TEST(SessionSplit, PlaintextBehindThe220) {
  expect_same_for_any_split(greeting_and({{'C', "STARTTLS\r\n"},
                                          {'S', "220 go\r\n"},
                                          {'C', "EHLO client.example.net\r\n"},
                                          {'S', "250-mx.example.org\r\n250 SIZE\r\n"},
                                          {'C', "MAIL FROM:<a@example.net>\r\n"},
                                          {'S', "250 ok\r\n"}}),
                            25, 1);
  for (const char* const noise : {"not smtp\r\n", "no line end", "\x16no record\r\n"})
    expect_same_for_any_split(
        greeting_and({{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}, {'C', noise}}), 25, 1);
}

TEST(SessionSplit, AnAnswerToAClientHelloThatIsNoTls) {
  expect_same_for_any_split(
      greeting_and(
          {{'C', "STARTTLS\r\n"}, {'S', "220 go\r\n"}, {'C', kClientHello}, {'S', "554 no\r\n"}}),
      25, 1);
}

TEST(SessionSplit, OnAnotherPort) {
  expect_same_for_any_split(greeting_and({{'C', "QUIT\r\n"}, {'S', "221 bye\r\n"}}), 10'025, 1);
}

// Cutting all of a handshake's thousands of octets one by one takes long: every seventh, which is
// no divisor of anything in there.
TEST(SessionSplit, Tls12WithCertificate) {
  expect_same_for_any_split(turns_of("clean-tls12-cert.pcap"), 25, 7, "tls\n");
}
TEST(SessionSplit, Tls13) {
  expect_same_for_any_split(turns_of("clean-tls13.pcap"), 25, 7, "tls\n");
}
TEST(SessionSplit, ImplicitTls) {
  expect_same_for_any_split(turns_of("clean-implicit-tls.pcap"), 465, 7, "implicit_tls\n");
}
TEST(SessionSplit, ResponseInjection) {
  expect_same_for_any_split(turns_of("response-injection.s.pcap"), 25, 7);
}

}  // namespace
}  // namespace mxw::session
