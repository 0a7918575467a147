// Any split of both directions' octets gives the same events: one cut at every octet, single
// octets, and at random. Turns stay in their order, since that is what the flow stage promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/smtp_support.hpp"

namespace mxw::smtp {
namespace {

using Heard = std::vector<std::string>;

const test::Turns kScripts[] = {
    {{'S', "220-mx.example.org\r\n220 ESMTP\r\n"},
     {'C', "EHLO client.example.net\r\n"},
     {'S', "250-mx\r\n250-PIPELINING\r\n250 SIZE\r\n"},
     {'C', "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"},
     {'S', "250 ok\r\n250 ok\r\n354 go\r\n"},
     {'C',
      "Subject: x\r\n\r\n..\r\n.\n\n.\r\nMAIL FROM:<x>\r\n.\r\nMAIL FROM:<>\r\nBDAT 3\r\nabc"
      "BDAT 0 LAST\r\nQUIT\r\n"},
     {'S', "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n221 bye\r\n"}},
    {{'S', "220 mx\r\n"},
     {'C', "AUTH LOGIN\r\n"},
     {'S', "334 a\r\n"},
     {'C', "c2VjcmV0\r\n"},
     {'S', "334 b\r\n"},
     {'C', "c2VjcmV0\r\n"},
     {'S', "535 no\r\n"},
     {'C', "STARTTLS\r\nNOOP\r\n"},
     {'S', "454 later\r\n250 ok\r\n"},
     {'C', "DATA\r\nRSET\r\n"},
     {'S', "503 no\r\n250 ok\r\n"},
     {'C', "GET / HTTP/1.0\r\n\r\nXXXXXXXX\r\n\n"},
     {'S', "500 a\r\n500 b\r\n500 c\r\n500 d\r\n421 bye\r\n"}},
    {{'S', "220 mx\r\n"},
     {'C', "STARTTLS\r\nEHLO x\r\n"},
     {'S', "220 go\r\n250 injected\r\n"},
     {'C', "\x16\x03\x01\x02"},
     {'S', "\x16\x03\x03"}},
    {{'S', "220 mx\r\n"}, {'C', "STARTTLS\r\n\x16\x03\x01\x02"}, {'S', "220 go\r\n\x16\x03\x03"}},
    {{'S', "no reply\r\nnor this\r\n220 late\r\n"},
     {'C', "BDAT x\r\nQUIT\r\n"},
     {'S', "501 a\r\n"}},
};

Heard events(const test::Turns& turns, const std::vector<std::vector<std::size_t>>& cuts,
             bool midstream) {
  Talk talk(midstream);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    std::string_view left = turns[i].bytes;
    for (const std::size_t n : cuts[i]) {
      const std::string piece(left.substr(0, n));  // gone after the call, as a packet is
      talk.say(turns[i].who, piece);
      left.remove_prefix(piece.size());
    }
    talk.say(turns[i].who, left);
  }
  Heard all = talk.log.lines;
  all.push_back(talk.log.behind[0]);
  all.push_back(talk.log.behind[1]);
  return all;
}

TEST(SmtpSplit, AnySplitGivesTheSameEvents) {
  for (const bool midstream : {false, true}) {
    for (const test::Turns& turns : kScripts) {
      std::vector<std::vector<std::size_t>> whole(turns.size());
      const Heard expected = events(turns, whole, midstream);
      for (std::size_t i = 0; i < turns.size(); ++i) {
        for (std::size_t at = 1; at < turns[i].bytes.size(); ++at) {
          auto cuts = whole;
          cuts[i] = {at};
          ASSERT_EQ(events(turns, cuts, midstream), expected) << "turn " << i << " at " << at;
        }
      }
      auto octets = whole;
      for (std::size_t i = 0; i < turns.size(); ++i) octets[i].assign(turns[i].bytes.size(), 1);
      ASSERT_EQ(events(turns, octets, midstream), expected);
      for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        auto cuts = whole;
        for (auto& cut : cuts)
          for (int k = 0; k < 30; ++k) cut.push_back(random() % 12);
        ASSERT_EQ(events(turns, cuts, midstream), expected) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace mxw::smtp
