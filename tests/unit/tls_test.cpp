// The parts of sensor/tls on bytes made by hand: what is TLS, fingerprints, names, hostile lengths,
// and the rules of completion at their edges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/limits.hpp"
#include "sensor/tls/fingerprint.hpp"
#include "sensor/tls/handshake.hpp"
#include "sensor/tls/parser.hpp"
#include "sensor/tls/suites.hpp"
#include "tests/unit/tls_build.hpp"
#include "tests/unit/tls_print.hpp"

namespace mxw::tls {
namespace {

using evidence::CertVisibility;
using evidence::Dir;
using evidence::FailStage;
using evidence::TlsEvidence;
using namespace mxw::test;

constexpr std::uint8_t kCcs = 20, kAlert = 21, kHandshake = 22, kData = 23;

Octets hello_record() {
  return record(kHandshake, message(1, client_hello({0x1301, 0xc02f}, {})));
}
Octets answer_12(std::uint16_t suite = 0xc02f) {
  return record(kHandshake, message(2, server_hello(suite)));
}
Octets answer_13() {
  return record(kHandshake, message(2, server_hello(0x1301, selects_13())));
}
Octets data(std::size_t length) {
  return record(kData, Octets(length, 0xdd));
}
Octets ccs() {
  return record(kCcs, Octets{1});
}
Octets encrypted_finished() {
  return record(kHandshake, Octets(40, 0xee));
}
Octets alert(std::uint8_t level, std::uint8_t description) {
  return record(kAlert, Octets{level, description});
}

struct Said {
  Dir dir;
  Octets bytes;
};
Said client(Octets bytes) {
  return {Dir::client, std::move(bytes)};
}
Said server(Octets bytes) {
  return {Dir::server, std::move(bytes)};
}

// Fed whole, and byte by byte with the same result.
Parser after(const std::vector<Said>& said) {
  Parser whole, bytewise;
  std::uint64_t frame = 0;
  for (const Said& one : said) {
    ++frame;
    whole.feed(one.dir, one.bytes, {.frame = frame});
    for (const std::uint8_t octet : one.bytes) {
      bytewise.feed(one.dir, Bytes(&octet, 1), {.frame = frame});
    }
  }
  EXPECT_EQ(print(bytewise), print(whole));
  return whole;
}

TEST(LooksLikeTls, JudgesAsFarAsTheBytesGo) {
  struct Case {
    Octets first;
    bool tls;
  };
  const Case cases[] = {
      {{}, true},
      {{0x16}, true},
      {{0x14}, true},
      {{0x17}, true},
      {{0x13}, false},
      {{0x18}, false},
      {{0x16, 0x03}, true},
      {{0x16, 0x02}, false},
      {{0x16, 0x03, 0x01}, true},
      {{0x80}, true},
      {{0x80, 0x2e}, true},
      {{0x80, 0x2e, 0x01}, true},
      {{0x80, 0x2e, 0x04}, false},
      {text("EHLO mta.example.org\r\n"), false},
      {text("\r\n"), false},
  };
  for (const Case& one : cases) EXPECT_EQ(looks_like_tls(one.first), one.tls) << hex(one.first);
}

// The example of salesforce/ja3's README.
TEST(Fingerprint, Ja3KnownAnswers) {
  ClientHello hello;
  hello.legacy_version = 769;
  hello.suites = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4};
  hello.extensions = {0, 10, 11};
  hello.groups = {23, 24, 25};
  hello.point_formats = {0};
  EXPECT_EQ(ja3_string(hello),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(ja3_hash(ja3_string(hello)), "ada70206e40642a3e4461f35503241d5");

  ClientHello bare;
  bare.legacy_version = 769;
  bare.suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
  EXPECT_EQ(ja3_string(bare), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
  EXPECT_EQ(ja3_hash(ja3_string(bare)), "de350869b8c85de67a350c8d186f11e6");

  hello.suites.insert(hello.suites.begin(), 0x0a0a);
  hello.extensions.push_back(0xfafa);
  hello.groups.insert(hello.groups.begin() + 1, 0x3a3a);
  EXPECT_EQ(ja3_hash(ja3_string(hello)), "ada70206e40642a3e4461f35503241d5") << "GREASE is ignored";
}

TEST(Fingerprint, Ja3sListsVersionSuiteAndExtensions) {
  const auto hello = parse_server_hello(server_hello(
      0xc02f,
      join({hello_extension(65281, counted(1, {})), hello_extension(11, {}), selects_13()})));
  ASSERT_TRUE(hello);
  EXPECT_EQ(ja3s_string(*hello), "771,49199,65281-11-43") << "the version written, not selected";
  const auto bare = parse_server_hello(server_hello(0x002f, {}, 0x0301));
  ASSERT_TRUE(bare);
  EXPECT_EQ(ja3s_string(*bare), "769,47,");
}

// The example of FoxIO's technical_details/JA4.md.
ClientHello ja4_example() {
  ClientHello hello;
  hello.legacy_version = 0x0303;
  hello.suites = {0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                  0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  hello.extensions = {0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                      0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
  hello.signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
  hello.versions = {0xfafa, 0x0304, 0x0303};
  hello.server_name = "example.net";
  hello.alpns = {"h2", "http/1.1"};
  return hello;
}

TEST(Fingerprint, Ja4KnownAnswers) {
  ClientHello hello = ja4_example();
  EXPECT_EQ(ja4(hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  hello.signature_algorithms.clear();
  EXPECT_EQ(ja4(hello), "t13d1516h2_8daaf6152771_6d807ffa2a79");
  EXPECT_EQ(ja4(ClientHello{.legacy_version = 0x0301}), "t10i000000_000000000000_000000000000");
}

TEST(Fingerprint, Ja4Alpn) {
  const std::pair<std::string, std::string> cases[] = {
      {"h2", "h2"},
      {"http/1.1", "h1"},
      {"x", "xx"},
      {"", "00"},
      {"\xab", "ab"},
      {"\xab\xcd", "ad"},
      {"\x30\xab", "3b"},
      {"\x30\x31\xab\xcd", "3d"},
      {"\x30\xab\xcd\x31", "01"},
  };
  for (const auto& [alpn, expected] : cases) {
    ClientHello hello = ja4_example();
    hello.alpns = {alpn, "smtp"};
    EXPECT_EQ(ja4(hello).substr(8, 2), expected) << hex(as_bytes(alpn));
  }
}

TEST(Fingerprint, Ja4VersionAndCounts) {
  ClientHello hello = ja4_example();
  const std::pair<std::uint16_t, std::string> cases[] = {
      {0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"},
      {0x0300, "s3"}, {0x0002, "s2"}, {0x7f1c, "00"},
  };
  for (const auto& [version, expected] : cases) {
    hello.versions = {version};
    EXPECT_EQ(ja4(hello).substr(1, 2), expected);
  }
  hello.suites.assign(200, 0x1301);
  EXPECT_EQ(ja4(hello).substr(4, 2), "99");
}

TEST(Names, SuitesVersionsAlerts) {
  EXPECT_EQ(suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(suite_name(0xc030), "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
  EXPECT_EQ(suite_name(0xabcd), "0xabcd");
  EXPECT_EQ(version_name(0x0300), "SSLv3");
  EXPECT_EQ(version_name(0x0301), "TLSv1");
  EXPECT_EQ(version_name(0x0302), "TLS 1.1");
  EXPECT_EQ(version_name(0x0303), "TLS 1.2");
  EXPECT_EQ(version_name(0x0304), "TLS 1.3");
  EXPECT_EQ(version_name(0x7f1c), "0x7f1c");
  EXPECT_EQ(alert_name(40), "handshake_failure");
  EXPECT_EQ(alert_name(99), "alert 99");
}

TEST(Names, AnonymousSuitesAreExactlyThoseOfTheRegistry) {
  const std::vector<std::uint16_t> anonymous = {
      0x0017, 0x0018, 0x0019, 0x001a, 0x001b, 0x0034, 0x003a, 0x0046, 0x006c,
      0x006d, 0x0089, 0x009b, 0x00a6, 0x00a7, 0x00bf, 0x00c5, 0xc015, 0xc016,
      0xc017, 0xc018, 0xc019, 0xc046, 0xc047, 0xc05a, 0xc05b, 0xc084, 0xc085};
  std::vector<std::uint16_t> found;
  for (unsigned suite = 0; suite <= 0xffff; ++suite) {
    if (is_anonymous(static_cast<std::uint16_t>(suite))) {
      found.push_back(static_cast<std::uint16_t>(suite));
    }
  }
  EXPECT_EQ(found, anonymous);
}

TEST(ClientHelloBody, ReadsExtensions) {
  const auto name = counted(2, join({Octets{0}, counted(2, text("MX.Example.net"))}));
  const auto alpn = counted(2, join({counted(1, text("smtp")), counted(1, text("h2"))}));
  const auto body = client_hello(
      {0x1301}, join({hello_extension(0, name), hello_extension(16, alpn),
                      hello_extension(10, counted(2, u16s({29}))),
                      hello_extension(13, counted(2, u16s({0x0403, 0x0804}))),
                      hello_extension(43, counted(1, u16s({0x7a7a, 0x7f1c, 0x0303, 0x0302}))),
                      hello_extension(11, counted(1, Octets{0, 1}))}));
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->server_name, "mx.example.net");
  EXPECT_THAT(hello->alpns, testing::ElementsAre("smtp", "h2"));
  EXPECT_THAT(hello->groups, testing::ElementsAre(29));
  EXPECT_THAT(hello->signature_algorithms, testing::ElementsAre(0x0403, 0x0804));
  EXPECT_THAT(hello->point_formats, testing::ElementsAre(0, 1));
  EXPECT_EQ(hello->highest_version(), 0x0303) << "GREASE and drafts aside";
  for (std::size_t n = 0; n < body.size(); ++n) {
    const auto cut = parse_client_hello(Bytes(body).first(n));
    const bool before_extensions = n == 2 + 32 + 1 + 2 + 2 + 2;
    EXPECT_EQ(cut.has_value(), before_extensions) << "cut at " << n;
  }
}

TEST(ClientHelloBody, DamagedExtensionContentIsListedNotRead) {
  const auto hello = parse_client_hello(client_hello(
      {0x1301},
      join({hello_extension(0, Octets{0xff, 0xff, 0x00}), hello_extension(16, Octets{0x00}),
            hello_extension(43, Octets{9, 3}), hello_extension(10, Octets{})})));
  ASSERT_TRUE(hello);
  EXPECT_THAT(hello->extensions, testing::ElementsAre(0, 16, 43, 10));
  EXPECT_EQ(hello->server_name, "");
  EXPECT_TRUE(hello->alpns.empty());
  EXPECT_EQ(hello->highest_version(), 0x0303);
}

TEST(ClientHelloBody, ListsAreBounded) {
  Octets many, alpns;
  for (int i = 0; i < 5'000; ++i) put(many, hello_extension(0x1234, {}));
  for (int i = 0; i < 200; ++i) put(alpns, counted(1, text("x")));
  put(many, hello_extension(16, counted(2, alpns)));
  const auto hello = parse_client_hello(client_hello({0x1301}, many));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->extensions.size(), kHelloValues);
  EXPECT_EQ(hello->alpns.size(), kHelloAlpns);
}

TEST(Certificates, ListMustAddUp) {
  const Octets two = join({counted(3, text("leaf")), counted(3, text("above"))});
  EXPECT_THAT(parse_certificates(counted(3, two)),
              testing::ElementsAre(text("leaf"), text("above")));
  EXPECT_TRUE(parse_certificates(counted(3, {})).empty());
  EXPECT_TRUE(parse_certificates(Octets{0xff, 0xff, 0xff, 1}).empty());
  EXPECT_TRUE(parse_certificates(counted(3, Octets{0, 0, 9, 1})).empty());
  EXPECT_TRUE(parse_certificates(join({counted(3, two), Octets{0}})).empty());
  Octets many;
  for (int i = 0; i < 50; ++i) put(many, counted(3, text("x")));
  EXPECT_EQ(parse_certificates(counted(3, many)).size(), limits::kTlsCertificates);
}

TEST(MessageReader, KeepsOnlySoMuchOfADirection) {
  MessageReader reader;
  const auto next = [&](const Octets& bytes) {
    Bytes body(bytes);
    return reader.next(body);
  };
  EXPECT_FALSE(next(message(11, Octets(limits::kTlsHandshakeBytes + 1)))->kept);
  EXPECT_TRUE(next(message(11, Octets(limits::kTlsHandshakeBytes - 10)))->kept);
  EXPECT_FALSE(next(message(11, Octets(11)))->kept) << "together beyond the limit";
  EXPECT_TRUE(next(message(2, Octets(10)))->kept);
  EXPECT_FALSE(next(message(14, {}))->kept) << "of no interest";
}

TEST(ServerHelloBody, SentinelMeansNothingInTls13) {
  Octets body = server_hello(0x1301, selects_13());
  const Octets sentinel = text("DOWNGRD\x01");
  std::ranges::copy(sentinel, body.begin() + 2 + 24);
  EXPECT_FALSE(parse_server_hello(body)->has_downgrade_sentinel());
  body = server_hello(0xc02f);
  std::ranges::copy(sentinel, body.begin() + 2 + 24);
  EXPECT_TRUE(parse_server_hello(body)->has_downgrade_sentinel());
  body[2 + 31] = 2;
  EXPECT_FALSE(parse_server_hello(body)->has_downgrade_sentinel());
}

TEST(NotTls, ClientsFirstFlight) {
  const Parser parser = after({client(text("EHLO mta.example.org\r\n"))});
  EXPECT_TRUE(parser.evidence().client_not_tls);
  EXPECT_TRUE(parser.settled());
  EXPECT_FALSE(parser.lost());
  EXPECT_FALSE(parser.hello_seen());
  EXPECT_EQ(parser.evidence().fail_stage, FailStage::no_hello);
}

TEST(NotTls, AnswerToClientHello) {
  const Parser parser = after({client(hello_record()), server(text("500 what?\r\n"))});
  EXPECT_TRUE(parser.evidence().server_not_tls);
  EXPECT_FALSE(parser.evidence().client_not_tls);
  EXPECT_TRUE(parser.settled());
  EXPECT_EQ(parser.evidence().fail_stage, FailStage::client_hello);
}

TEST(NotTls, ServerSpeaksFirstAndTheClientHelloIsStillRead) {
  const Octets injected = text("250 mx.example.net\r\n");
  const Parser parser = after({server(injected), client(hello_record())});
  EXPECT_TRUE(parser.evidence().client_hello);
  EXPECT_TRUE(parser.evidence().server_not_tls);
  EXPECT_TRUE(parser.settled());
}

TEST(NotTls, ARecordBeyondTheLimit) {
  Octets huge = {kHandshake, 3, 3, 0xff, 0xff};
  EXPECT_TRUE(after({client(huge)}).evidence().client_not_tls);
}

TEST(NotTls, OutOfStepLaterIsALossNotAFinding) {
  const Parser parser =
      after({client(hello_record()), server(answer_12()), client(text("MAIL FROM:<>\r\n"))});
  EXPECT_FALSE(parser.evidence().client_not_tls);
  EXPECT_TRUE(parser.lost());
}

TEST(Ssl2, ClientHelloIsRecognised) {
  Octets hello = {0x80, 12, 1, 3, 1};
  hello.insert(hello.end(), 9, 0xab);
  const Parser parser = after({client(hello), server(answer_12())});
  EXPECT_TRUE(parser.evidence().client_hello);
  EXPECT_EQ(parser.evidence().client_version, 0x0301);
  EXPECT_TRUE(parser.evidence().server_hello);
  EXPECT_EQ(parser.evidence().ja3, "");

  hello[3] = 0, hello[4] = 2;
  const Parser pure = after({client(hello), server(Octets{0x80, 0x20, 4, 0, 1})});
  EXPECT_EQ(pure.evidence().client_version, 0x0002);
  EXPECT_FALSE(pure.evidence().server_not_tls) << "an answer in SSL 2.0";
  EXPECT_TRUE(pure.lost());
}

TEST(Completion, Tls12NeedsBothSides) {
  const std::vector<Said> base = {client(hello_record()), server(answer_12())};
  const auto with = [&](std::vector<Said> more) {
    std::vector<Said> all = base;
    all.insert(all.end(), more.begin(), more.end());
    return after(all).evidence();
  };
  const Octets end = join({ccs(), encrypted_finished()});
  EXPECT_FALSE(with({client(end)}).completed);
  EXPECT_FALSE(with({server(end)}).completed);
  EXPECT_FALSE(with({client(ccs()), server(end)}).completed) << "no Finished of the client";
  EXPECT_FALSE(with({client(encrypted_finished()), server(end)}).completed);
  const TlsEvidence both = with({client(end), server(end)});
  EXPECT_TRUE(both.completed);
  EXPECT_EQ(both.completed_at.frame, 4u);
  EXPECT_EQ(with({client(end)}).fail_stage, FailStage::finished);
}

TEST(Completion, Tls13CountsRecordsOfTheClient) {
  const auto completed = [&](std::initializer_list<std::size_t> lengths) {
    Octets flight = ccs();
    for (const std::size_t length : lengths) put(flight, data(length));
    return after({client(hello_record()), server(answer_13()), client(flight)})
        .evidence()
        .completed;
  };
  EXPECT_TRUE(completed({53, 20, 1}));
  EXPECT_TRUE(completed({53, 40, 19})) << "data, then an alert: the data was not the last";
  EXPECT_FALSE(completed({53, 40})) << "the last so far";
  EXPECT_FALSE(completed({53, 19})) << "an alert";
  EXPECT_FALSE(completed({53, 19, 19, 19}));
  EXPECT_FALSE(completed({52, 52, 52})) << "no Finished";
  EXPECT_TRUE(completed({25, 53, 40, 40})) << "an empty client certificate first";
  EXPECT_FALSE(completed({19}));
}

TEST(Completion, Tls13IsKnownWithTheHeaderOfTheNextRecord) {
  Parser parser;
  parser.feed(Dir::client, hello_record(), {});
  parser.feed(Dir::server, answer_13(), {});
  parser.feed(Dir::client, join({data(53), data(40)}), {});
  const Octets header = {kData, 3, 3, 0x40, 0x00};
  parser.feed(Dir::client, Bytes(header).first(4), {});
  EXPECT_FALSE(parser.settled());
  parser.feed(Dir::client, Bytes(header).subspan(4), {.frame = 7});
  EXPECT_TRUE(parser.settled());
  EXPECT_EQ(parser.evidence().completed_at.frame, 7u);
}

TEST(Completion, EarlyDataProvesNothing) {
  const Octets hello =
      record(kHandshake, message(1, client_hello({0x1301}, hello_extension(42, {}))));
  const Octets early = join({data(60), data(60), data(60)});
  const std::vector<Said> said = {client(join({hello, early})), server(answer_13())};
  EXPECT_FALSE(after(said).evidence().completed);
  EXPECT_EQ(after(said).evidence().fail_stage, FailStage::server_hello);
}

TEST(Completion, ServersRecordsProveNothingInTls13) {
  EXPECT_FALSE(
      after({client(hello_record()), server(join({answer_13(), data(60), data(60), data(60)}))})
          .evidence()
          .completed);
}

TEST(Completion, NothingAfterItIsRead) {
  Parser parser = after({client(hello_record()), server(answer_12()),
                         client(join({ccs(), encrypted_finished()})),
                         server(join({ccs(), encrypted_finished()}))});
  const std::string before = print(parser);
  parser.feed(Dir::client, text("not TLS at all"), {.frame = 99});
  parser.gap(Dir::server, 1'000, {.frame = 99});
  parser.finish({.frame = 99});
  EXPECT_EQ(print(parser), before);
}

TEST(Resumption, NeedsAnAbbreviatedFlight) {
  const Octets end = join({ccs(), encrypted_finished()});
  const Octets ticket = record(kHandshake, message(4, Octets(20, 1)));
  const Octets done = record(kHandshake, message(14, {}));
  EXPECT_TRUE(after({client(hello_record()), server(join({answer_12(), end}))}).evidence().resumed);
  EXPECT_TRUE(
      after({client(hello_record()), server(join({answer_12(), ticket, end}))}).evidence().resumed);
  EXPECT_FALSE(after({client(hello_record()), server(join({answer_12(0x00a7), done})), client(end),
                      server(end)})
                   .evidence()
                   .resumed)
      << "anonymous: no certificate, but a whole flight";
  const TlsEvidence psk =
      after({client(hello_record()),
             server(record(
                 kHandshake,
                 message(2, server_hello(0x1301,
                                         join({selects_13(), hello_extension(41, u16s({0}))})))))})
          .evidence();
  EXPECT_TRUE(psk.resumed);
}

TEST(Alerts, FatalInClearSettles) {
  const Parser parser = after({client(hello_record()), server(alert(2, 40))});
  EXPECT_TRUE(parser.settled());
  ASSERT_EQ(parser.evidence().alerts.size(), 1u);
  EXPECT_EQ(parser.evidence().alerts[0].description, 40);
  EXPECT_EQ(parser.evidence().alerts[0].at.frame, 2u);
}

TEST(Alerts, WarningDoesNotAndAtMostFourAreKept) {
  Octets warnings;
  for (int i = 0; i < 10; ++i) put(warnings, alert(1, 112));
  const Parser parser = after({client(hello_record()), server(join({warnings, answer_12()}))});
  EXPECT_FALSE(parser.settled());
  EXPECT_EQ(parser.evidence().alerts.size(), 4u);
  EXPECT_TRUE(parser.evidence().server_hello);
}

TEST(Alerts, InTls13TheLevelMeansNothing) {
  EXPECT_TRUE(after({client(hello_record()), server(join({answer_13(), alert(1, 80)}))}).settled());
  EXPECT_FALSE(after({client(hello_record()), server(join({answer_13(), alert(1, 0)}))}).settled());
}

TEST(Alerts, EncryptedOnesAreNotRead) {
  const Parser parser = after({client(hello_record()), server(answer_12()),
                               client(join({ccs(), record(kAlert, Octets{2, 40, 2, 40, 2, 40})}))});
  EXPECT_TRUE(parser.evidence().alerts.empty());
  EXPECT_FALSE(parser.settled());
}

TEST(Alerts, SplitOverTwoRecords) {
  const Octets halves = join({record(kAlert, Octets{2}), record(kAlert, Octets{40})});
  EXPECT_TRUE(after({client(hello_record()), server(halves)}).settled());
}

TEST(Fragments, AMessageOverManyRecordsAndManyInOne) {
  const Octets flight = join({message(2, server_hello(0xc02f)),
                              message(11, counted(3, counted(3, text("leaf")))), message(14, {})});
  for (std::size_t size = 1; size <= flight.size(); size += 3) {
    Octets records;
    for (std::size_t from = 0; from < flight.size(); from += size) {
      put(records,
          record(kHandshake, Bytes(flight).subspan(from, std::min(size, flight.size() - from))));
    }
    const TlsEvidence seen = after({client(hello_record()), server(records)}).evidence();
    EXPECT_TRUE(seen.server_hello) << size;
    ASSERT_TRUE(seen.certificate_seen) << size;
    EXPECT_THAT(*seen.chain, testing::ElementsAre(text("leaf")));
  }
}

TEST(Hostile, GiantMessagesAreWalkedOver) {
  Octets start = {11, 0xff, 0xff, 0xff};  // a Certificate of 16 MiB
  Parser parser;
  parser.feed(Dir::client, hello_record(), {});
  parser.feed(Dir::server, join({answer_12(), record(kHandshake, start)}), {});
  const Octets filler = record(kHandshake, Octets(16'384, 0));
  for (int i = 0; i < 1'100; ++i) parser.feed(Dir::server, filler, {});
  EXPECT_FALSE(parser.evidence().certificate_seen);
  EXPECT_TRUE(parser.evidence().server_hello);
  EXPECT_FALSE(parser.settled());
}

TEST(Hostile, UnreadableServerHelloIsUndecidableOnceTheClientGoesOn) {
  const Octets broken = record(kHandshake, message(2, Octets{3, 3, 0}));
  EXPECT_TRUE(after({client(hello_record()), server(join({broken, alert(2, 40)}))}).settled());
  EXPECT_FALSE(after({client(hello_record()), server(join({broken, alert(2, 40)}))}).lost());
  const Parser parser = after({client(hello_record()), server(broken), client(data(60))});
  EXPECT_TRUE(parser.lost());
  EXPECT_TRUE(parser.settled());
}

TEST(Gap, InsideApplicationDataIsWalkedOver) {
  Parser parser;
  parser.feed(Dir::client, hello_record(), {});
  parser.feed(Dir::server, answer_13(), {});
  const Octets finished = data(53), mail = data(1'000);
  parser.feed(Dir::client, join({finished, {mail.begin(), mail.begin() + 100}}), {});
  parser.gap(Dir::client, mail.size() - 100, {});
  EXPECT_FALSE(parser.lost());
  parser.feed(Dir::client, data(19), {});
  EXPECT_TRUE(parser.evidence().completed);
}

TEST(Gap, OverTheEndOfARecordIsALoss) {
  Parser parser;
  parser.feed(Dir::client, hello_record(), {});
  parser.feed(Dir::server, answer_13(), {});
  parser.feed(Dir::client, Bytes(data(53)).first(20), {});
  parser.gap(Dir::client, 1'000, {});
  EXPECT_TRUE(parser.lost());
  EXPECT_TRUE(parser.settled());
  parser.feed(Dir::client, join({data(53), data(53), data(53)}), {});
  EXPECT_FALSE(parser.evidence().completed);
}

TEST(Gap, AtTheBeginningIsNotNonTls) {
  Parser parser;
  parser.gap(Dir::client, 10, {});
  parser.feed(Dir::client, text("anything"), {});
  EXPECT_TRUE(parser.lost());
  EXPECT_FALSE(parser.evidence().client_not_tls);
  parser.feed(Dir::server, answer_13(), {});
  EXPECT_TRUE(parser.evidence().server_hello) << "what is still in clear is read";
  EXPECT_TRUE(parser.settled());
}

TEST(Hostile, GarbageNeverHarms) {
  std::mt19937 random(8461);
  for (int round = 0; round < 20'000; ++round) {
    Parser parser;
    for (int i = 0; i < 6; ++i) {
      Octets bytes(random() % 80);
      for (auto& octet : bytes) octet = static_cast<std::uint8_t>(random());
      if (random() % 3 != 0) {
        bytes =
            record(static_cast<std::uint8_t>(20 + random() % 4),
                   random() % 2 ? message(static_cast<std::uint8_t>(random() % 16), bytes) : bytes);
      }
      parser.feed(random() % 2 ? Dir::client : Dir::server, bytes, {});
    }
    parser.finish({});
    EXPECT_FALSE(parser.evidence().certificate_seen && !parser.evidence().server_hello);
  }
}

}  // namespace
}  // namespace mxw::tls
