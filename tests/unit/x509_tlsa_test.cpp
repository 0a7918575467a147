// TLSA sets against presented chains (RFC 7672 section 3). The names of the tests are the rows of
// kind `dane` in the shared vectors that speak of a handshake.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <fstream>

#include "core/base/digest.hpp"
#include "core/x509/certificate.hpp"
#include "core/x509/tlsa.hpp"
#include "tests/unit/x509_make.hpp"

namespace mxw::x509 {
namespace {

using test::Cert;
using test::CertSpec;
using test::der_of;
using test::ec_key;
using test::Key;
using test::make_cert;
using test::Octets;

constexpr std::uint8_t kTa = 2, kEe = 3;

Octets sha(const EVP_MD* type, const Octets& content) {
  Octets out(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  EVP_Digest(content.data(), content.size(), out.data(), &length, type, nullptr);
  out.resize(length);
  return out;
}

Octets spki_of(const Cert& certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  Octets out(der, der + length);
  OPENSSL_free(der);
  return out;
}

dns::Tlsa record(std::uint8_t usage, std::uint8_t selector, std::uint8_t matching,
                 const Cert& certificate) {
  const Octets content = selector == 1 ? spki_of(certificate) : der_of(certificate);
  if (matching == 0) return {usage, selector, matching, content};
  return {usage, selector, matching, sha(matching == 1 ? EVP_sha256() : EVP_sha512(), content)};
}

class TlsaMatching : public testing::Test {
 protected:
  void SetUp() override { issue({}); }
  void TearDown() override { EXPECT_EQ(ERR_peek_error(), 0UL) << "left on the error queue"; }

  void issue(CertSpec spec) {
    CertSpec authority;
    authority.common_name = "Example Authority";
    authority.ca = true;
    root_key = ec_key();
    root = make_cert(authority, root_key);
    authority.common_name = "Example Issuer";
    issuer_key = ec_key();
    issuer = make_cert(authority, issuer_key, root, root_key);
    if (spec.dns.empty()) spec.dns = {"mx.example.org"};
    leaf = make_cert(spec, ec_key(), issuer, issuer_key);
    chain = {der_of(leaf), der_of(issuer), der_of(root)};
  }

  [[nodiscard]] TlsaResult match(std::vector<dns::Tlsa> records) const {
    return match_tlsa(chain, records, names, at);
  }
  [[nodiscard]] std::string outcome(std::vector<dns::Tlsa> records) const {
    return std::string(tlsa_match_name(match(std::move(records)).match));
  }

  Key root_key, issuer_key;
  Cert root, issuer, leaf;
  std::vector<Octets> chain;
  std::vector<std::string> names = {"mx.example.org", "example.org"};
  Time at = parse_rfc3339("2026-11-21T08:00:00Z").value();
};

TEST_F(TlsaMatching, DaneEeMatchesTheLeafAlone) {
  for (const std::uint8_t selector : {0, 1}) {
    for (const std::uint8_t matching : {0, 1, 2}) {
      EXPECT_EQ(outcome({record(kEe, selector, matching, leaf)}), "authenticated");
      EXPECT_EQ(outcome({record(kEe, selector, matching, issuer)}), "no match");
    }
  }
}

TEST_F(TlsaMatching, DaneEeIgnoresNamesAndDates) {
  CertSpec spec;
  spec.dns = {"other.test"};
  spec.not_before = "20200101000000Z";
  spec.not_after = "20210101000000Z";
  issue(spec);
  chain.resize(1);
  EXPECT_EQ(outcome({record(kEe, 1, 1, leaf)}), "authenticated");
}

TEST_F(TlsaMatching, WrongDigestIsNoMatch) {
  dns::Tlsa wrong = record(kEe, 1, 1, leaf);
  wrong.data[0] ^= 1;
  const TlsaResult result = match({wrong});
  EXPECT_EQ(result.match, TlsaMatch::no_match);
  EXPECT_EQ(result.reason, "no record matches the chain");
}

TEST_F(TlsaMatching, DaneTaMatchesAnIssuerOfTheChain) {
  for (const Cert& anchor : {issuer, root}) {
    for (const std::uint8_t selector : {0, 1}) {
      for (const std::uint8_t matching : {0, 1, 2}) {
        EXPECT_EQ(outcome({record(kTa, selector, matching, anchor)}), "authenticated");
      }
    }
  }
  EXPECT_EQ(outcome({record(kTa, 0, 1, leaf)}), "no match") << "the leaf is no anchor";
}

TEST_F(TlsaMatching, DaneTaNeedsTheAnchorInTheChain) {
  chain.resize(2);
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "no match");
  EXPECT_EQ(outcome({record(kTa, 1, 0, root)}), "no match") << "a bare key from DNS";
  EXPECT_EQ(outcome({record(kTa, 0, 0, root)}), "authenticated") << "from the copy in DNS";
  EXPECT_EQ(outcome({record(kTa, 0, 1, issuer)}), "authenticated");
}

TEST_F(TlsaMatching, DaneTaNeedsAName) {
  CertSpec spec;
  spec.dns = {"other.test"};
  issue(spec);
  const TlsaResult result = match({record(kTa, 0, 1, root)});
  EXPECT_EQ(result.match, TlsaMatch::no_match);
  EXPECT_EQ(result.reason, "the certificate is for another name");
  names.push_back("other.test");
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "authenticated") << "any reference will do";
  names.clear();
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "no match");
}

TEST_F(TlsaMatching, DaneTaNeedsDates) {
  CertSpec spec;
  spec.not_after = "20260101000000Z";
  issue(spec);
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "no match");
  EXPECT_EQ(outcome({record(kTa, 0, 0, root)}), "no match");
  EXPECT_EQ(match({record(kTa, 0, 1, root)}).reason, "certificate has expired");
  at = parse_rfc3339("2025-11-21T08:00:00Z").value();
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "authenticated");
}

// Somebody else's anchor sent along must not lend its name to a leaf it never signed.
TEST_F(TlsaMatching, DaneTaNeedsAPath) {
  const Cert stranger = make_cert({.dns = {"mx.example.org"}}, ec_key());
  chain = {der_of(stranger), der_of(issuer), der_of(root)};
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "no match");
  EXPECT_EQ(outcome({record(kTa, 0, 1, issuer)}), "no match");
  EXPECT_EQ(outcome({record(kTa, 0, 0, root)}), "no match");
}

TEST_F(TlsaMatching, DaneTaIsNotAskedOfTheWebPki) {
  EXPECT_EQ(outcome({record(0, 0, 1, root), record(1, 1, 1, leaf)}), "unusable");
}

TEST_F(TlsaMatching, OneOfUsagesTwoAndThreeIsEnough) {
  dns::Tlsa wrong = record(kEe, 1, 1, issuer);
  const TlsaResult result = match({wrong, record(kTa, 0, 1, root)});
  EXPECT_EQ(result.match, TlsaMatch::authenticated);
  EXPECT_EQ(result.record, 1U);
}

TEST_F(TlsaMatching, MalformedOnlyIsUnusable) {
  EXPECT_EQ(outcome({{kEe, 1, 1, Octets(16, 7)}}), "unusable");
  EXPECT_EQ(outcome({}), "unusable");
}

TEST_F(TlsaMatching, MalformedIsSkippedBesideAGoodOne) {
  EXPECT_EQ(outcome({{kEe, 1, 1, Octets(16, 7)}, record(kEe, 1, 1, leaf)}), "authenticated");
}

TEST_F(TlsaMatching, AWeakerDigestDoesNotCountBesideAStrongerOne) {
  EXPECT_EQ(outcome({record(kEe, 1, 1, leaf), record(kEe, 1, 2, issuer)}), "no match");
  EXPECT_EQ(outcome({record(kEe, 1, 1, leaf), record(kEe, 0, 2, issuer)}), "authenticated");
}

TEST_F(TlsaMatching, UnreadableChainsMatchNothing) {
  chain = {};
  EXPECT_EQ(outcome({record(kEe, 1, 1, leaf)}), "no match");
  chain = {{0x30, 0x03, 1, 2, 3}, der_of(issuer)};
  EXPECT_EQ(outcome({record(kTa, 0, 1, issuer)}), "no match");
  chain = {der_of(leaf), {1, 2, 3}, der_of(issuer), der_of(root)};
  EXPECT_EQ(outcome({record(kTa, 0, 1, root)}), "authenticated") << "what cannot be read is left";
}

// What the column adds to the outcome.
std::string spoken_of(const std::string& input) {
  if (input == "3 1 1 wrong digest") return ": delivery deferred";
  if (input == "2 0 1, leaf is for another name") return " (usage 2 needs the name)";
  if (input == "malformed + matching 3 1 1") return " (bad one skipped)";
  if (input == "2 0 0 not present in handshake") return " from DNS copy";
  return {};
}

// The rows of the vectors that speak of a handshake, each with the outcome of column `mxwarden`.
TEST_F(TlsaMatching, Vectors) {
  const char* folder = std::getenv("MXWARDEN_VECTORS");
  if (folder == nullptr) GTEST_SKIP() << "corpus absent: not compared";
  std::ifstream file(std::string(folder) + "/mta-sts.tsv");
  ASSERT_TRUE(file) << folder;
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("dane\t")) continue;
    const std::size_t second = line.find('\t', 5), third = line.find('\t', second + 1);
    const std::string input = line.substr(5, second - 5);
    const std::string wanted = line.substr(third + 1, line.find('\t', third + 1) - third - 1);
    issue({});
    dns::Tlsa wrong = record(kEe, 1, 1, leaf);
    wrong.data[5] ^= 4;
    std::vector<dns::Tlsa> set;
    if (input == "3 1 1 matching SPKI") set = {record(kEe, 1, 1, leaf)};
    if (input == "2 0 1 matching TA in chain") set = {record(kTa, 0, 1, root)};
    if (input == "3 1 1 wrong digest") set = {wrong};
    if (input == "3 1 2 matching") set = {record(kEe, 1, 2, leaf)};
    if (input == "3 1 0 full SPKI") set = {record(kEe, 1, 0, leaf)};
    if (input == "2 0 0 full TA certificate") set = {record(kTa, 0, 0, root)};
    if (input == "2 0 1, leaf is for another name") {
      issue({.dns = {"other.test"}});
      set = {record(kTa, 0, 1, root)};
    }
    if (input == "2 0 1, leaf expired") {
      issue({.not_after = "20260101000000Z"});
      set = {record(kTa, 0, 1, root)};
    }
    if (input.starts_with("only a malformed digest")) set = {{kEe, 1, 1, Octets(16, 1)}};
    if (input == "malformed + matching 3 1 1")
      set = {{kEe, 1, 1, Octets(16, 1)}, record(kEe, 1, 1, leaf)};
    if (input == "2 0 0 not present in handshake") {
      set = {record(kTa, 0, 0, root)};
      chain.pop_back();
    }
    if (set.empty()) continue;  // about lookups: engine_dane_test
    ++compared;
    const std::string got =
        outcome(set) == "unusable" ? "TLS required, unauthenticated" : outcome(set);
    EXPECT_EQ(got + spoken_of(input), wanted) << input;
  }
  EXPECT_EQ(compared, 11);
}

}  // namespace
}  // namespace mxw::x509
