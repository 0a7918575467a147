// The parser against real handshakes: what OpenSSL's two ends agreed on is what the evidence says,
// in whatever pieces and order the bytes come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sensor/tls/parser.hpp"
#include "sensor/tls/suites.hpp"
#include "tests/unit/tls_peer.hpp"
#include "tests/unit/tls_print.hpp"

namespace mxw::tls {
namespace {

using evidence::CertVisibility;
using evidence::Dir;
using evidence::FailStage;
using evidence::TlsEvidence;
using test::Contexts;
using test::Conversation;
using test::Transcript;

Parser parse(const Transcript& transcript) {
  Parser parser;
  for (const test::Piece& piece : transcript) {
    parser.feed(piece.dir, piece.bytes, {.frame = piece.frame});
  }
  return parser;
}

// The evidence, having seen that no split and no order changes it.
TlsEvidence evidence_of(const Transcript& transcript) {
  const Parser whole = parse(transcript);
  const std::string expected = test::print(whole);
  std::mt19937 random(8461);
  EXPECT_EQ(test::print(parse(test::split(transcript, 1, random))), expected) << "byte by byte";
  for (int round = 0; round < 60; ++round) {
    const std::size_t most = round % 3 == 0 ? 3 : round % 3 == 1 ? 70 : 900;
    const auto parts = test::interleave(test::split(transcript, most, random), random);
    EXPECT_EQ(test::print(parse(parts)), expected) << "split " << round;
  }
  return whole.evidence();
}

void say_hello(Conversation& talk) {
  talk.say(Dir::client, "EHLO mta.example.org\r\n");
  talk.say(Dir::server, "250 mx.example.net\r\n");
  talk.say(Dir::client, "MAIL FROM:<>\r\n");
}

void expect_agreed(const TlsEvidence& seen, Conversation& talk) {
  ASSERT_TRUE(SSL_is_init_finished(talk.client()) && SSL_is_init_finished(talk.server()));
  std::array<std::uint8_t, 32> random{};
  SSL_get_client_random(talk.client(), random.data(), random.size());
  if (!seen.hello_retry) EXPECT_EQ(seen.client_random, random);
  SSL_get_server_random(talk.client(), random.data(), random.size());
  EXPECT_EQ(seen.server_random, random);
  EXPECT_EQ(seen.version, SSL_version(talk.client()));
  const SSL_CIPHER* cipher = SSL_get_current_cipher(talk.client());
  EXPECT_EQ(seen.cipher, SSL_CIPHER_get_protocol_id(cipher));
  EXPECT_EQ(suite_name(seen.cipher), SSL_CIPHER_standard_name(cipher));
  EXPECT_EQ(seen.resumed, SSL_session_reused(talk.client()) == 1);
  EXPECT_TRUE(seen.completed);
  EXPECT_TRUE(seen.alerts.empty());
}

TEST(Handshake, Tls13) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  Conversation talk(contexts);
  SSL_set_tlsext_host_name(talk.client(), "MX.example.net");
  const unsigned char alpn[] = "\x04smtp\x02xx";
  SSL_set_alpn_protos(talk.client(), alpn, sizeof(alpn) - 1);
  talk.handshake();
  say_hello(talk);
  const TlsEvidence seen = evidence_of(talk.transcript());
  expect_agreed(seen, talk);
  EXPECT_EQ(seen.sni, "mx.example.net");
  EXPECT_THAT(seen.client_alpns, testing::ElementsAre("smtp", "xx"));
  EXPECT_TRUE(seen.offered_13);
  EXPECT_EQ(seen.client_version, TLS1_3_VERSION);
  EXPECT_EQ(seen.visibility(), CertVisibility::hidden);
  EXPECT_EQ(seen.client_hello_at.frame, 1u);
  EXPECT_EQ(seen.server_hello_at.frame, 2u);
  EXPECT_EQ(seen.completed_at.frame, talk.transcript().back().frame);
  EXPECT_EQ(seen.ja4.substr(0, 5), "t13d0") << seen.ja4;
  EXPECT_EQ(seen.ja4.substr(8, 2), "sp");
  EXPECT_EQ(seen.ja3.size(), 32u);
  EXPECT_EQ(seen.ja3s_string.substr(0, 4), "771,");
}

TEST(Handshake, Tls13IsCompletedOnlyByARecordAfterTheData) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  const auto completed = [&] { return evidence_of(talk.transcript()).completed; };
  EXPECT_FALSE(completed()) << "Finished alone";
  EXPECT_EQ(evidence_of(talk.transcript()).fail_stage, FailStage::finished);
  talk.say(Dir::client, "EHLO mta.example.org\r\n");
  EXPECT_FALSE(completed()) << "the last record so far";
  talk.close(Dir::client);
  EXPECT_TRUE(completed()) << "it was not the last";
}

TEST(Handshake, Tls13FinishedAndCloseIsNotCompleted) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  talk.close(Dir::client);
  talk.close(Dir::server);
  Parser parser = parse(talk.transcript());
  parser.finish({});
  EXPECT_FALSE(parser.evidence().completed);
  EXPECT_FALSE(parser.lost());
}

TEST(Handshake, Tls13ClientThatRefusesTheCertificateDoesNotComplete) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  SSL_CTX_set_verify(contexts.client.get(), SSL_VERIFY_PEER, nullptr);
  Conversation talk(contexts);
  talk.handshake();
  const TlsEvidence seen = evidence_of(talk.transcript());
  EXPECT_FALSE(seen.completed);
  EXPECT_EQ(seen.fail_stage, FailStage::server_hello);
  // OpenSSL has no key for writing yet at this point: its alert is in clear even here.
  ASSERT_EQ(seen.alerts.size(), 1u);
  EXPECT_EQ(seen.alerts[0].from, Dir::client);
  EXPECT_EQ(alert_name(seen.alerts[0].description), "unknown_ca");
  EXPECT_TRUE(parse(talk.transcript()).settled());
}

TEST(Handshake, Tls13Resumption) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  Conversation first(contexts);
  first.handshake();
  first.say(Dir::server, "220 mx.example.net\r\n");  // the client reads the ticket with it
  Conversation talk(contexts);
  const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session(
      SSL_get1_session(first.client()), SSL_SESSION_free);
  SSL_set_session(talk.client(), session.get());
  talk.handshake();
  say_hello(talk);
  const TlsEvidence seen = evidence_of(talk.transcript());
  EXPECT_TRUE(seen.resumed);
  expect_agreed(seen, talk);
}

TEST(Handshake, HelloRetryRequest) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(contexts.client.get(), "P-521:P-256");
  SSL_CTX_set1_groups_list(contexts.server.get(), "P-256");
  Conversation talk(contexts);
  talk.handshake();
  say_hello(talk);
  const TlsEvidence seen = evidence_of(talk.transcript());
  expect_agreed(seen, talk);
  EXPECT_TRUE(seen.hello_retry);
  EXPECT_EQ(seen.client_hello_at.frame, 1u) << "the first hello";
  EXPECT_EQ(seen.server_hello_at.frame, 4u) << "the second answer";
  const auto& hello = talk.transcript().front().bytes;
  EXPECT_TRUE(std::equal(seen.client_random.begin(), seen.client_random.end(), hello.begin() + 11));
}

TEST(Handshake, Tls12ShowsTheCertificate) {
  Contexts contexts;
  contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  const TlsEvidence seen = evidence_of(talk.transcript());
  expect_agreed(seen, talk);
  EXPECT_EQ(seen.visibility(), CertVisibility::clear);
  ASSERT_TRUE(seen.chain);
  EXPECT_THAT(*seen.chain, testing::ElementsAre(test::der_of(contexts.certificate)));
  EXPECT_FALSE(seen.offered_13);
  EXPECT_FALSE(seen.downgrade_sentinel);
  EXPECT_EQ(seen.ja4.substr(0, 4), "t12i");
}

TEST(Handshake, OldVersions) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    Contexts contexts;
    contexts.versions(version, version);
    contexts.ciphers("ALL:@SECLEVEL=0");
    Conversation talk(contexts);
    talk.handshake();
    const TlsEvidence seen = evidence_of(talk.transcript());
    expect_agreed(seen, talk);
    EXPECT_TRUE(seen.certificate_seen);
  }
}

TEST(Handshake, DowngradeSentinel) {
  Contexts contexts;
  SSL_CTX_set_max_proto_version(contexts.client.get(), TLS1_2_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  const TlsEvidence seen = evidence_of(talk.transcript());
  expect_agreed(seen, talk);
  EXPECT_TRUE(seen.downgrade_sentinel) << "the server could have done better";
}

TEST(Handshake, Tls12ClientCertificateIsNotTheServers) {
  Contexts contexts;
  contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  const auto key = test::ec_key();
  const auto own = test::make_cert({.common_name = "client.example.org"}, key);
  SSL_CTX_use_certificate(contexts.client.get(), own.get());
  SSL_CTX_use_PrivateKey(contexts.client.get(), key.get());
  SSL_CTX_set_verify(contexts.server.get(), SSL_VERIFY_PEER,
                     [](int, X509_STORE_CTX*) { return 1; });
  Conversation talk(contexts);
  talk.handshake();
  ASSERT_NE(SSL_get0_peer_certificate(talk.server()), nullptr) << "it was sent";
  const TlsEvidence seen = evidence_of(talk.transcript());
  expect_agreed(seen, talk);
  EXPECT_THAT(*seen.chain, testing::ElementsAre(test::der_of(contexts.certificate)));
}

TEST(Handshake, Tls12Resumption) {
  for (const bool ticket : {true, false}) {
    Contexts contexts;
    contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
    if (!ticket) SSL_CTX_set_options(contexts.server.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_session_id_context(contexts.server.get(), as_bytes("test").data(), 4);
    Conversation first(contexts);
    first.handshake();
    EXPECT_FALSE(evidence_of(first.transcript()).resumed);
    Conversation talk(contexts);
    const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session(
        SSL_get1_session(first.client()), SSL_SESSION_free);
    SSL_set_session(talk.client(), session.get());
    talk.handshake();
    const TlsEvidence seen = evidence_of(talk.transcript());
    EXPECT_TRUE(seen.resumed) << (ticket ? "by ticket" : "by session id");
    expect_agreed(seen, talk);
    EXPECT_EQ(seen.visibility(), CertVisibility::resumed);
    EXPECT_FALSE(seen.certificate_seen);
  }
}

TEST(Handshake, Anonymous) {
  for (const char* cipher : {"ADH-AES256-GCM-SHA384:@SECLEVEL=0", "AECDH-AES128-SHA:@SECLEVEL=0"}) {
    Contexts contexts;
    contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
    contexts.ciphers(cipher);
    SSL_CTX_set_dh_auto(contexts.server.get(), 1);
    Conversation talk(contexts);
    talk.handshake();
    const TlsEvidence seen = evidence_of(talk.transcript());
    expect_agreed(seen, talk);
    EXPECT_TRUE(seen.anonymous);
    EXPECT_EQ(seen.visibility(), CertVisibility::anonymous);
  }
}

TEST(Handshake, VersionMismatchEndsInAnAlert) {
  Contexts contexts;
  SSL_CTX_set_max_proto_version(contexts.client.get(), TLS1_2_VERSION);
  SSL_CTX_set_min_proto_version(contexts.server.get(), TLS1_3_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  const TlsEvidence seen = evidence_of(talk.transcript());
  EXPECT_TRUE(parse(talk.transcript()).settled());
  EXPECT_FALSE(seen.completed);
  EXPECT_FALSE(seen.server_hello);
  EXPECT_EQ(seen.fail_stage, FailStage::client_hello);
  ASSERT_EQ(seen.alerts.size(), 1u);
  EXPECT_EQ(seen.alerts[0].from, Dir::server);
  EXPECT_EQ(seen.alerts[0].level, 2);
  EXPECT_EQ(alert_name(seen.alerts[0].description), "protocol_version");
  EXPECT_EQ(seen.alerts[0].at.frame, 2u);
}

TEST(Handshake, Tls12ClientThatRefusesTheCertificateSaysSo) {
  Contexts contexts;
  contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  SSL_CTX_set_verify(contexts.client.get(), SSL_VERIFY_PEER, nullptr);
  Conversation talk(contexts);
  talk.handshake();
  const TlsEvidence seen = evidence_of(talk.transcript());
  EXPECT_FALSE(seen.completed);
  EXPECT_TRUE(seen.certificate_seen);
  EXPECT_EQ(seen.fail_stage, FailStage::server_hello);
  ASSERT_EQ(seen.alerts.size(), 1u);
  EXPECT_EQ(seen.alerts[0].from, Dir::client);
}

// A piece of the handshake is missing: never a completion that was not seen, and never a verdict at
// all where the missing bytes could have decided it.
TEST(Loss, AnyMissingPieceOfTls12IsNeverCompletedAndNeverFailed) {
  Contexts contexts;
  contexts.versions(TLS1_2_VERSION, TLS1_2_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  for (std::size_t missing = 0; missing < talk.transcript().size(); ++missing) {
    Parser parser;
    for (const test::Piece& piece : talk.transcript()) {
      if (piece.frame == missing + 1) {
        parser.gap(piece.dir, piece.bytes.size(), {.frame = piece.frame});
      } else {
        parser.feed(piece.dir, piece.bytes, {.frame = piece.frame});
      }
    }
    EXPECT_FALSE(parser.evidence().completed) << missing;
    EXPECT_TRUE(parser.lost()) << missing;
    EXPECT_FALSE(parser.evidence().client_not_tls || parser.evidence().server_not_tls);
    if (missing == 0) EXPECT_TRUE(parser.evidence().certificate_seen) << "still in clear";
    if (missing == 1) EXPECT_TRUE(parser.evidence().client_hello);
  }
}

TEST(Loss, InTls13OnlyTheClientsRecordsDecide) {
  Contexts contexts;
  contexts.versions(TLS1_3_VERSION, TLS1_3_VERSION);
  Conversation talk(contexts);
  talk.handshake();
  say_hello(talk);
  for (const test::Piece& lost : talk.transcript()) {
    Parser parser;
    for (const test::Piece& piece : talk.transcript()) {
      if (piece.frame == lost.frame && piece.frame > 2) {
        parser.gap(piece.dir, piece.bytes.size(), {.frame = piece.frame});
      } else {
        parser.feed(piece.dir, piece.bytes, {.frame = piece.frame});
      }
    }
    const bool decides = lost.dir == Dir::client && lost.frame > 2;
    EXPECT_EQ(parser.evidence().completed, !decides) << lost.frame;
    EXPECT_EQ(parser.lost(), decides) << lost.frame;
  }
}

TEST(Mutated, RealHandshakesNeverHarm) {
  std::mt19937 random(20'270'101);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Contexts contexts;
    contexts.versions(version, version);
    Conversation talk(contexts);
    talk.handshake();
    say_hello(talk);
    for (int round = 0; round < 2'000; ++round) {
      Transcript bent = talk.transcript();
      for (int i = 0; i < 4; ++i) {
        auto& bytes = bent[random() % bent.size()].bytes;
        bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      }
      const auto parts = test::interleave(test::split(bent, 500, random), random);
      Parser parser;
      for (const test::Piece& piece : parts) {
        if (random() % 50 == 0) {
          parser.gap(piece.dir, piece.bytes.size(), {});
        } else {
          parser.feed(piece.dir, piece.bytes, {});
        }
      }
      parser.finish({});
      EXPECT_FALSE(parser.evidence().completed && parser.lost());
      EXPECT_LE(parser.evidence().alerts.size(), 4u);
    }
  }
}

}  // namespace
}  // namespace mxw::tls
