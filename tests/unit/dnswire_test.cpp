// DNS on the wire: which answers belong to which query, conflicts, TCP framing, forgetting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/limits.hpp"
#include "sensor/dns/tracker.hpp"
#include "tests/support/packet_builder.hpp"

namespace mxw::dnswire {
namespace {

using test::Octets;

struct Seen final : AnswerObserver {
  void on_answer(const DnsAnswer& answer) override { answers.push_back(answer); }
  void on_connection(const DnsConnection& connection, const evidence::FrameRef&) override {
    connections.push_back(connection.flow_id);
  }
  std::vector<DnsAnswer> answers;
  std::vector<std::uint64_t> connections;
};

Octets name_octets(std::string_view name) {
  Octets out;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::uint8_t>(dot));
    test::append(out, name.substr(0, dot));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out.push_back(0);
  return out;
}

constexpr std::uint16_t kResponse = 0x8180, kTruncated = 0x0200;

struct Wire {
  std::uint16_t id = 7, flags = 0x0100, type = 15;
  std::string name = "example.org";
  std::vector<std::string> exchanges;  // MX records of an answer
};

Octets message(const Wire& w) {
  Octets out;
  for (const std::size_t field :
       {std::size_t{w.id}, std::size_t{w.flags}, std::size_t{1}, w.exchanges.size()})
    test::put(out, field, 2);
  test::put(out, 0, 4);
  test::append(out, name_octets(w.name));
  test::put(out, w.type, 2);
  test::put(out, 1, 2);
  for (const std::string& exchange : w.exchanges) {
    test::append(out, name_octets(w.name));
    test::put(out, 15, 2);
    test::put(out, 1, 2);
    test::put(out, 300, 4);
    const Octets host = name_octets(exchange);
    test::put(out, host.size() + 2, 2);
    test::put(out, 10, 2);
    test::append(out, host);
  }
  return out;
}

Wire answer(std::vector<std::string> exchanges, std::uint16_t flags = 0) {
  Wire w;
  w.flags = static_cast<std::uint16_t>(kResponse | flags);
  w.exchanges = std::move(exchanges);
  return w;
}

Endpoint at(const char* address, std::uint16_t port) {
  return {IpAddress::parse(address).value(), port};
}

struct DnsWire : testing::Test {
  void send(const Endpoint& from, const Endpoint& to, const Wire& w) {
    tracker.on_message(tenant, from, to, message(w), std::nullopt, {++frame, 0, now});
  }
  void ask(const Wire& w = {}) { send(client, resolver, w); }
  void reply(const Wire& w) { send(resolver, client, w); }

  const Endpoint client = at("192.0.2.10", 40'000), resolver = at("192.0.2.53", 53);
  Seen seen;
  Tracker tracker{seen, HashKey{1, 2}};
  std::uint32_t tenant = 0;
  std::uint64_t frame = 0;
  Time now{1'700'000'000 * kSecond};
};

TEST_F(DnsWire, AnAnswerIsMatchedWithItsQuery) {
  ask();
  reply(answer({"mx.example.org"}));
  ASSERT_EQ(seen.answers.size(), 1U);
  const DnsAnswer& a = seen.answers[0];
  EXPECT_TRUE(a.query_seen);
  EXPECT_EQ(a.query_at.frame, 1U);
  EXPECT_EQ(a.client, client);
  EXPECT_EQ(a.resolver, resolver);
  EXPECT_FALSE(a.conflicts);
  EXPECT_LT(a.flow_id, std::uint64_t{1} << 53);
}

TEST_F(DnsWire, WhatDiffersInAnyPartWasNotAsked) {
  ask();
  Wire w = answer({"mx.example.org"});
  w.id = 8;
  reply(w);
  w = answer({"mx.example.org"});
  w.name = "example.com";
  reply(w);
  w = answer({"mx.example.org"});
  w.type = 1;
  reply(w);
  w = answer({"mx.example.org"});
  send(at("192.0.2.54", 53), client, w);
  send(at("192.0.2.53", 54), client, w);
  send(resolver, at("192.0.2.11", 40'000), w);
  send(resolver, at("192.0.2.10", 40'001), w);
  tenant = 1;
  reply(w);
  EXPECT_EQ(tracker.counters().unasked, 8U);
  for (const DnsAnswer& a : seen.answers) EXPECT_FALSE(a.query_seen);
}

TEST_F(DnsWire, CaseOfNamesDoesNotMatter) {
  Wire w;
  w.name = "ExAmPlE.oRg";
  ask(w);
  reply(answer({"mx.example.org"}));
  EXPECT_TRUE(seen.answers.at(0).query_seen);
}

TEST_F(DnsWire, TwoAnswersThatDifferAreAConflict) {
  ask();
  reply(answer({"mx.example.org", "mx2.example.org"}));
  reply(answer({"mx2.example.org", "mx.example.org"}));  // the order says nothing
  EXPECT_FALSE(seen.answers.at(1).conflicts);
  reply(answer({"mx.example.net"}));
  const DnsAnswer& a = seen.answers.at(2);
  EXPECT_TRUE(a.conflicts);
  EXPECT_EQ(a.earlier_at.frame, 2U);
  EXPECT_THAT(a.earlier_text, testing::HasSubstr("mx2.example.org"));
  EXPECT_THAT(a.this_text, testing::HasSubstr("mx.example.net"));
  EXPECT_EQ(tracker.counters().conflicts, 1U);
}

TEST_F(DnsWire, AnotherQueryBeginsAnew) {
  ask();
  reply(answer({"mx.example.org"}));
  ask();
  reply(answer({"mx.example.net"}));
  EXPECT_FALSE(seen.answers.at(1).conflicts);
}

TEST_F(DnsWire, ARepeatedQueryIsOneQuery) {
  ask();
  ask();
  reply(answer({"mx.example.org"}));
  EXPECT_EQ(seen.answers.at(0).query_at.frame, 1U);
  reply(answer({"mx.example.net"}));
  EXPECT_TRUE(seen.answers.at(1).conflicts);
}

TEST_F(DnsWire, TruncatedAnswersConflictWithNothing) {
  ask();
  reply(answer({}, kTruncated));
  reply(answer({"mx.example.org"}));
  EXPECT_FALSE(seen.answers.at(1).conflicts);
  reply(answer({}, kTruncated));
  EXPECT_FALSE(seen.answers.at(2).conflicts);
  reply(answer({"mx.example.net"}));
  EXPECT_TRUE(seen.answers.at(3).conflicts);
}

TEST_F(DnsWire, AQueryIsForgottenAfterItsTime) {
  ask();
  now = now + 31 * kSecond;
  reply(answer({"mx.example.org"}));
  EXPECT_FALSE(seen.answers.at(0).query_seen);
}

TEST_F(DnsWire, TheOldestQueryGoesWhenThereAreTooMany) {
  ask();
  reply(answer({"mx.example.org"}));
  ask();  // asked again: no longer the oldest
  Wire w;
  w.name = "first.example";
  ask(w);
  for (std::size_t i = 1; i < limits::kDnsQueries; ++i) {
    w.id = static_cast<std::uint16_t>(i);
    w.name = std::to_string(i >> 16) + ".example.net";
    ask(w);
  }
  EXPECT_EQ(tracker.counters().forgotten, 1U);
  reply(answer({"mx.example.org"}));
  EXPECT_FALSE(seen.answers.back().query_seen);
  w = answer({"mx.example.org"});
  w.name = "first.example";
  reply(w);
  EXPECT_TRUE(seen.answers.back().query_seen);
}

TEST_F(DnsWire, DamagedMessagesAreCounted) {
  Octets wire = message(answer({"mx.example.org"}));
  tracker.on_message(0, resolver, client, Bytes(wire).first(wire.size() - 3), std::nullopt,
                     {1, 0, now});
  tracker.on_message(0, resolver, client, Bytes(wire).first(11), std::nullopt, {2, 0, now});
  wire[5] = 2;  // two questions
  tracker.on_message(0, resolver, client, wire, std::nullopt, {3, 0, now});
  EXPECT_EQ(tracker.counters().malformed, 3U);
  EXPECT_TRUE(seen.answers.empty());
}

TEST_F(DnsWire, OnlyWholeDatagramsOfPort53) {
  const Octets query = message({}), reply_octets = message(answer({"mx.example.org"}));
  decode::Datagram d;
  d.ip.src = client.address, d.ip.dst = resolver.address;
  d.src_port = 40'000, d.dst_port = 5'353;
  d.payload = query, d.payload_length = static_cast<std::uint32_t>(query.size());
  tracker.on_datagram(d);
  EXPECT_EQ(tracker.counters().queries, 0U);
  d.dst_port = 53;
  tracker.on_datagram(d);
  EXPECT_EQ(tracker.counters().queries, 1U);
  std::swap(d.ip.src, d.ip.dst), std::swap(d.src_port, d.dst_port);
  d.payload = Bytes(reply_octets).first(20);
  d.payload_length = static_cast<std::uint32_t>(reply_octets.size());
  tracker.on_datagram(d);
  EXPECT_TRUE(seen.answers.empty());
  d.payload = reply_octets;
  tracker.on_datagram(d);
  EXPECT_TRUE(seen.answers.at(0).query_seen);
}

Octets framed(const Octets& wire) {
  Octets out;
  test::put(out, wire.size(), 2);
  test::append(out, wire);
  return out;
}

TEST_F(DnsWire, TcpInAnySplit) {
  Octets queries = framed(message({})), replies = framed(message(answer({"mx.example.org"})));
  Wire second;
  second.id = 9;
  test::append(queries, framed(message(second)));
  Wire other = answer({"mx.example.net"});
  other.id = 9;
  test::append(replies, framed({}));  // a length of 0
  test::append(replies, framed(message(other)));
  for (std::size_t piece = 1; piece <= replies.size(); ++piece) {
    Seen mine;
    Tracker fresh(mine, HashKey{3, 4});
    flow::Connection connection;
    connection.client = client, connection.server = resolver;
    TcpHandler handler(connection, fresh);
    const auto feed = [&](flow::Dir dir, Bytes bytes) {
      for (std::size_t i = 0; i < bytes.size(); i += piece)
        handler.on_data(dir, bytes.subspan(i, std::min(piece, bytes.size() - i)), i, {1, 0, now});
    };
    feed(flow::Dir::client, queries);
    feed(flow::Dir::server, replies);
    ASSERT_EQ(mine.answers.size(), 2U) << piece;
    EXPECT_TRUE(mine.answers[0].query_seen && mine.answers[0].tcp);
    EXPECT_TRUE(mine.answers[1].query_seen);
    EXPECT_EQ(mine.answers[1].message.id, 9);
  }
}

TEST_F(DnsWire, TcpWithoutItsFramingIsNotRead) {
  const Octets replies = framed(message(answer({"mx.example.org"})));
  flow::Connection connection;
  connection.client = client, connection.server = resolver;
  TcpHandler handler(connection, tracker);
  handler.on_data(flow::Dir::server, Bytes(replies).first(10), 0, {1, 0, now});
  handler.on_gap(flow::Dir::server, 10, 5, false, {1, 0, now});
  handler.on_data(flow::Dir::server, replies, 15, {1, 0, now});
  EXPECT_TRUE(handler.wants_data());  // the client's side is whole
  handler.on_gap(flow::Dir::client, 0, 5, false, {1, 0, now});
  EXPECT_FALSE(handler.wants_data());

  connection.midstream = true;
  TcpHandler late(connection, tracker);
  late.on_data(flow::Dir::server, replies, 0, {1, 0, now});
  EXPECT_TRUE(seen.answers.empty());
}

}  // namespace
}  // namespace mxw::dnswire
