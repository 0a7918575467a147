// Questions about names: the messages, and a client among owners that go, come back, or are silent.
#include <gmock/gmock.h>

#include "core/feed/ask.hpp"
#include "core/feed/lookup_client.hpp"
#include "core/ipc/listener.hpp"
#include "core/ipc/seqpacket_server.hpp"
#include "tests/unit/ipc_support.hpp"

namespace mxw::feed {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr LookupKind kKinds[] = {LookupKind::tlsrpt, LookupKind::dkim_key, LookupKind::address};

LookupAnswer found(std::uint64_t id = 7) {
  LookupAnswer answer;
  answer.id = id;
  answer.state = LookupState::found;
  answer.dns = "ok";
  answer.authenticated = true;
  answer.seen = {1'796'083'200 * kSecond};
  answer.ttl = 3'600;
  answer.records = {"v=TLSRPTv1; rua=mailto:tls@example.org"};
  answer.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
  return answer;
}

TEST(Lookup, AQuestionHasItsOpAndComesBack) {
  for (const LookupKind kind : kKinds) {
    EXPECT_EQ(lookup_of(op_of(kind)), kind);
    const std::string text = encode(AskRequest{9, op_of(kind), "example.org"});
    EXPECT_EQ(text,
              R"({"v":1,"id":9,"op":")" + std::string(name(kind)) + R"(","domain":"example.org"})");
    const auto back = decode_request(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->op, op_of(kind));
  }
  for (const AskOp op : {AskOp::want, AskOp::hint, AskOp::reread, AskOp::ping})
    EXPECT_FALSE(lookup_of(op));
  EXPECT_FALSE(decode_request(R"({"v":1,"id":9,"op":"tlsrpt"})"));
}

TEST(Lookup, AnAnswerComesBackAsItWas) {
  EXPECT_EQ(encode(found()), R"({"v":1,"id":7,"state":"found","dns":"ok","authenticated":true,)"
                             R"("seen":1796083200000000000,"ttl":3600,)"
                             R"("records":["v=TLSRPTv1; rua=mailto:tls@example.org"],)"
                             R"("addresses":["192.0.2.1","2001:db8::1"]})");
  EXPECT_EQ(decode_lookup(encode(found())), found());
  for (const LookupState state :
       {LookupState::unavailable, LookupState::invalid, LookupState::denied, LookupState::failed}) {
    LookupAnswer answer;
    answer.id = 8;
    answer.state = state;
    answer.reason = "why";
    if (state != LookupState::unavailable) {
      answer.dns = "bogus";
      answer.seen = {5};
      answer.ttl = 60;
    }
    EXPECT_EQ(decode_lookup(encode(answer)), answer);
  }
}

// Whatever octets DNS brings, the answer is one packet.
TEST(Lookup, AnAnswerFitsIntoOnePacket) {
  LookupAnswer answer = found();
  answer.reason = std::string(9'999, '\x01');
  answer.addresses.assign(200, *IpAddress::parse("2001:db8:1111:2222:3333:4444:5555:6666"));
  for (const char octet : {'a', '\x01', '\xff', '"'}) {
    answer.records = {std::string(kLookupOctets - 3, octet), "abc"};
    const std::string text = encode(answer);
    EXPECT_LE(text.size(), kAskAnswerBytes);
    const auto back = decode_lookup(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->state, LookupState::found);
    EXPECT_EQ(back->records.size(), 2U);
    EXPECT_EQ(back->addresses.size(), kLookupAddresses);
  }
  for (const auto& records : {std::vector<std::string>{std::string(kLookupOctets + 1, 'a')},
                              std::vector<std::string>(kLookupRecords + 1, "a")}) {
    answer.records = records;
    const auto back = decode_lookup(encode(answer));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->state, LookupState::invalid);
    EXPECT_EQ(back->reason, "too large");
    EXPECT_THAT(back->records, IsEmpty());
  }
}

TEST(Lookup, WhatIsNoAnswerIsNone) {
  for (const char* text :
       {"", "found", "[1]", R"({"id":1,"state":"found"})", R"({"v":2,"id":1,"state":"found"})",
        R"({"v":1,"id":1})", R"({"v":1,"id":1,"state":7})"})
    EXPECT_FALSE(decode_lookup(text)) << text;
  const auto later = decode_lookup(R"({"v":1,"id":1,"state":"new","records":["a"]})");
  ASSERT_TRUE(later);
  EXPECT_EQ(later->state, LookupState::unavailable);
  EXPECT_THAT(later->records, IsEmpty());
  const auto odd = decode_lookup(
      R"({"v":1,"id":1,"state":"found","ttl":99999999999,"seen":-4,"addresses":["x","192.0.2.1",3]})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->ttl, UINT32_MAX);
  EXPECT_EQ(odd->seen, Time{});
  EXPECT_THAT(odd->addresses, ElementsAre(*IpAddress::parse("192.0.2.1")));
}

class LookupClientTest : public LoopTest {
 protected:
  // Answers as `answering` says, or keeps the question.
  void serve() {
    listening =
        ipc::listen_on("unix:" + path, {.type = ipc::SocketType::seqpacket, .mode = 0666}).value();
    ipc::PeerCheck peers;
    peers.allow_uid(::geteuid());
    server = ipc::SeqpacketServer::create(
                 *loop, listening.get(), peers,
                 [this](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
                   const auto request = decode_request(message);
                   ASSERT_TRUE(request);
                   asked.push_back(request->domain);
                   most = std::max(most, asked.size() - answered);
                   if (!answering) return;
                   ++answered;
                   peer.send(encode(found(request->id)));
                 })
                 .value();
  }
  void stop() {
    server.reset();
    listening.reset();
  }
  void begin(LookupClient::Options options) {
    client = LookupClient::create(*loop, path, options).value();
  }
  void ask(const std::string& name) {
    client->lookup(LookupKind::tlsrpt, name, [this, name](const LookupAnswer& answer) {
      told.push_back(name + " " + std::string(feed::name(answer.state)) +
                     (answer.reason.empty() ? "" : " " + answer.reason));
    });
  }
  void until_told(std::size_t count) {
    run_until([&] { return told.size() >= count; });
  }

  std::string path = directory.file("ask.sock");
  Fd listening;
  std::unique_ptr<ipc::SeqpacketServer> server;
  std::unique_ptr<LookupClient> client;
  std::vector<std::string> asked, told;
  std::size_t answered = 0, most = 0;
  bool answering = true;
};

TEST_F(LookupClientTest, EachQuestionGetsItsAnswer) {
  serve();
  begin({});
  ask("a.example");  // before there is a connection
  EXPECT_THAT(told, IsEmpty());
  until_told(1);
  ask("b.example");
  EXPECT_THAT(told, ElementsAre("a.example found")) << "never from within the call";
  until_told(2);
  EXPECT_THAT(told, ElementsAre("a.example found", "b.example found"));
  EXPECT_EQ(client->counters().answered, 2U);
  EXPECT_EQ(client->open(), 0U);
}

TEST_F(LookupClientTest, ManyWaitForTheFewUnderWay) {
  serve();
  begin({.in_flight = 3, .waiting = 40});
  for (int i = 0; i < 45; ++i) ask(std::to_string(i));
  until_told(45);
  EXPECT_LE(most, 3U);
  EXPECT_EQ(asked.size(), 43U);
  EXPECT_EQ(asked.front(), "0");
  EXPECT_EQ(client->counters().busy, 2U);
  EXPECT_THAT(told, testing::Contains("44 unavailable busy"));
  EXPECT_THAT(told, testing::Contains("42 found"));
}

TEST_F(LookupClientTest, ALostConnectionCostsNoQuestion) {
  serve();
  begin({.in_flight = 2});
  answering = false;
  for (const char* name : {"a", "b", "c"}) ask(name);
  run_until([&] { return asked.size() == 2; });
  stop();
  run_until([&] { return !client->connected(); });
  answering = true;
  serve();
  until_told(3);
  EXPECT_THAT(told, ElementsAre("a found", "b found", "c found"));
  EXPECT_THAT(asked, ElementsAre("a", "b", "a", "b", "c"));
}

TEST_F(LookupClientTest, SilenceEndsInTime) {
  serve();
  answering = false;
  begin({.timeout_ns = 30 * kMillisecond, .in_flight = 1});
  ask("a");
  ask("b");  // never sent
  until_told(2);
  EXPECT_THAT(told, ElementsAre("a unavailable no answer", "b unavailable no answer"));
  EXPECT_EQ(client->counters().timeouts, 2U);
  // Nobody there is the same.
  stop();
  ask("c");
  until_told(3);
  EXPECT_EQ(told.back(), "c unavailable no answer");
  EXPECT_EQ(client->open(), 0U);
}

TEST_F(LookupClientTest, ACallbackMayAskAgain) {
  begin({.timeout_ns = 10 * kMillisecond, .in_flight = 1, .waiting = 0});
  int rounds = 0;
  std::function<void(const LookupAnswer&)> again = [&](const LookupAnswer& answer) {
    EXPECT_EQ(answer.state, LookupState::unavailable);
    if (++rounds < 3) client->lookup(LookupKind::address, "mx.example.org", again);
  };
  client->lookup(LookupKind::address, "mx.example.org", again);
  run_until([&] { return rounds == 3; });
}

TEST_F(LookupClientTest, RubbishIsCounted) {
  listening =
      ipc::listen_on("unix:" + path, {.type = ipc::SocketType::seqpacket, .mode = 0666}).value();
  ipc::PeerCheck peers;
  peers.allow_uid(::geteuid());
  server =
      ipc::SeqpacketServer::create(*loop, listening.get(), peers,
                                   [](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
                                     peer.send("rubbish");
                                     peer.send(encode(found(99)));  // nobody asked
                                     peer.send(encode(found(decode_request(message)->id)));
                                   })
          .value();
  begin({});
  ask("a");
  until_told(1);
  EXPECT_EQ(client->counters().not_understood, 1U);
  EXPECT_EQ(client->counters().answered, 1U);
}

}  // namespace
}  // namespace mxw::feed
