#include "core/feed/ask.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mxw::feed {
namespace {

TEST(Ask, ARequestComesBackAsItWas) {
  for (const AskOp op : {AskOp::want, AskOp::hint, AskOp::reread}) {
    const auto back = decode_request(encode(AskRequest{7, op, "example.org"}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->id, 7U);
    EXPECT_EQ(back->op, op);
    EXPECT_EQ(back->domain, "example.org");
  }
  const auto ping = decode_request(encode(AskRequest{8, AskOp::ping, {}}));
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->op, AskOp::ping);
}

TEST(Ask, WhatIsNoRequestIsNone) {
  const std::string bad[] = {
      "",                                                      // nothing
      "want example.org",                                      // no JSON
      R"([1])",                                                // no object
      R"({"id":1,"op":"want","domain":"example.org"})",        // no version
      R"({"v":2,"id":1,"op":"want","domain":"example.org"})",  // another version
      R"({"v":1,"id":1,"op":"get","domain":"example.org"})",   // no such op
      R"({"v":1,"id":1,"op":"want"})",                         // nobody is named
      R"({"v":1,"id":1,"op":"want","domain":7})",              // no text
      R"({"v":1,"id":1,"op":"want","domain":")" + std::string(256, 'a') + R"("})",  // too long
      R"({"v":1,"id":1,"op":"ping","x":)" + std::string(9, '[') + std::string(9, ']') + "}",
      R"({"v":1,"id":1,"op":"ping","x":")" + std::string(kAskBytes, 'x') + R"("})",
  };
  for (const std::string& message : bad) EXPECT_FALSE(decode_request(message)) << message;
}

TEST(Ask, AnAnswerComesBackAsItWas) {
  AskAnswer answer;
  answer.id = 9;
  answer.state = rows::DomainState::policy;
  answer.mode = policy::Mode::enforce;
  answer.mx = {"mx1.example.org", "*.example.net"};
  answer.policy_id = "20261101";
  answer.valid_until = {1'796'083'200 * kSecond};
  answer.dane = policy::DaneState::some;
  const auto back = decode_answer(encode(answer));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, 9U);
  EXPECT_FALSE(back->pong);
  EXPECT_EQ(back->state, answer.state);
  EXPECT_EQ(back->mode, answer.mode);
  EXPECT_EQ(back->mx, answer.mx);
  EXPECT_EQ(back->policy_id, answer.policy_id);
  EXPECT_EQ(back->valid_until, answer.valid_until);
  EXPECT_EQ(back->dane, answer.dane);
}

TEST(Ask, APolicyThatFitsIntoNoPacketIsToldAsUnknown) {
  AskAnswer answer;
  answer.id = 9;
  answer.state = rows::DomainState::policy;
  answer.mx.assign(256, std::string(253, 'a') + "&\"");
  const std::string text = encode(answer);
  EXPECT_LE(text.size(), kAskAnswerBytes);
  const auto back = decode_answer(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->state, rows::DomainState::unknown);
}

TEST(Ask, WordsOfALaterVersionAreTheCautiousOnes) {
  const auto answer = decode_answer(R"({"v":1,"id":1,"state":"new","dane":"new"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->state, rows::DomainState::unknown);
  EXPECT_EQ(answer->dane, policy::DaneState::error);
  EXPECT_FALSE(decode_answer(R"({"v":1,"id":1})"));
}

}  // namespace
}  // namespace mxw::feed
