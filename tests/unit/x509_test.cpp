// What core/x509 promises: names that cannot be forged, dates at packet time, and no DER that
// harms.
#include "core/x509/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "core/base/limits.hpp"
#include "tests/unit/x509_make.hpp"

namespace mxw::x509 {
namespace {

using test::CertSpec;
using test::der_of;
using test::ec_key;
using test::make_cert;
using Chains = std::vector<std::vector<std::uint8_t>>;

const Redactor kRedactor;

Summary summary_of(const CertSpec& spec) {
  const auto summary = summarize(der_of(make_cert(spec, ec_key())), kRedactor);
  EXPECT_TRUE(summary.has_value());
  return summary.value_or(Summary{});
}

Time at(const char* text) {
  return parse_rfc3339(text).value();
}

// A file that is gone with the test.
class TempFile {
 public:
  explicit TempFile(const std::string& content)
      : path_(testing::TempDir() + "mxw_x509_" + std::to_string(getpid()) + "_" +
              std::to_string(next_++)) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  static inline int next_ = 0;
  std::string path_;
};

TrustStore store_of(const std::vector<test::Cert>& roots) {
  const TempFile file(test::pem_of(roots));
  auto store = TrustStore::from_file(file.path());
  EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
  return std::move(*store);
}

// Root, intermediate and leaf.
struct Pki {
  test::Key root_key = ec_key(), middle_key = ec_key(), leaf_key = ec_key();
  test::Cert root, middle, leaf;

  explicit Pki(CertSpec leaf_spec = {.dns = {"mx.example.net"}}, CertSpec middle_spec = {},
               CertSpec root_spec = {}) {
    root_spec.common_name = "Test Root";
    root_spec.ca = true;
    middle_spec.common_name = "Test Intermediate";
    middle_spec.ca = true;
    root = make_cert(root_spec, root_key);
    middle = make_cert(middle_spec, middle_key, root, root_key);
    leaf = make_cert(leaf_spec, leaf_key, middle, middle_key);
  }
  Chains chain() const { return {der_of(leaf), der_of(middle)}; }
};

TEST(Summary, SaysWhatTheCertificateSays) {
  const auto key = ec_key();
  const auto certificate = make_cert({.common_name = "mx.example.net",
                                      .dns = {"MX.Example.NET", "*.example.org"},
                                      .not_before = "20260102030405Z",
                                      .not_after = "20270102030405Z",
                                      .serial = 0xABCDEF},
                                     key);
  const auto der = der_of(certificate);
  const auto summary = summarize(der, kRedactor);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->subject, "CN=mx.example.net,O=Example\\, Inc,C=XX") << "RFC 2253 order";
  EXPECT_EQ(summary->issuer, summary->subject);
  EXPECT_EQ(summary->serial, "00:AB:CD:EF") << "content octets of the INTEGER";
  EXPECT_EQ(summary->sha256, sha256(der));
  EXPECT_EQ(summary->sha1.size(), 59u);
  EXPECT_EQ(summary->sha1.substr(0, 3), hex(sha1(der)).substr(0, 2) + ":");
  EXPECT_EQ(summary->not_before, at("2026-01-02T03:04:05Z"));
  EXPECT_EQ(summary->not_after, at("2027-01-02T03:04:05Z"));
  EXPECT_THAT(summary->dns_names, testing::ElementsAre("mx.example.net", "*.example.org"));
  EXPECT_EQ(summary->common_name, "") << "there is a dNSName";
  EXPECT_TRUE(summary->self_issued);
  EXPECT_TRUE(summary->self_signed);

  unsigned char* spki = nullptr;
  const int length = i2d_PUBKEY(key.get(), &spki);
  EXPECT_EQ(summary->spki_sha256, sha256(Bytes(spki, static_cast<std::size_t>(length))));
  OPENSSL_free(spki);
}

TEST(Summary, MailAddressesAreRedacted) {
  const Summary summary =
      summary_of({.common_name = "postmaster@example.net", .email = "jane.roe@example.net"});
  for (const std::string* text : {&summary.subject, &summary.issuer, &summary.common_name}) {
    EXPECT_EQ(text->find("jane.roe"), std::string::npos) << *text;
    EXPECT_EQ(text->find("postmaster@"), std::string::npos) << *text;
  }
  EXPECT_NE(summary.subject.find("@example.net"), std::string::npos) << "the domain stays";
}

TEST(Summary, IssuedByAnotherIsNotSelfIssued) {
  const Pki pki;
  const auto leaf = summarize(der_of(pki.leaf), kRedactor);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->issuer, "CN=Test Intermediate,O=Example\\, Inc,C=XX");
  EXPECT_FALSE(leaf->self_issued);
  EXPECT_FALSE(leaf->self_signed);
}

TEST(Summary, SameNamesWithAStrangersSignatureIsSelfIssuedButNotSelfSigned) {
  const CertSpec spec;
  const auto model = make_cert(spec, ec_key());
  const auto forged = make_cert(spec, ec_key(), model, ec_key());
  const auto summary = summarize(der_of(forged), kRedactor);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->self_issued);
  EXPECT_FALSE(summary->self_signed);
}

TEST(Summary, OldKeysAndDigestsStayReadable) {
  const auto der = der_of(make_cert({.digest = EVP_sha1()}, test::rsa_key(1024)));
  const auto summary = summarize(der, kRedactor);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->self_signed);
  EXPECT_TRUE(summarize(der_of(make_cert({.digest = EVP_md5()}, test::rsa_key(512))), kRedactor));
}

TEST(Summary, EndOfTimeIsClamped) {
  const Summary summary = summary_of({.not_after = "99991231235959Z"});
  EXPECT_GT(summary.not_after.ns, 9'000'000'000 * kSecond) << "later than 2255";
}

TEST(Summary, KeepsAtMostAHundredNames) {
  CertSpec spec;
  for (int i = 0; i < 500; ++i) spec.dns.push_back("mx" + std::to_string(i) + ".example.net");
  EXPECT_EQ(summary_of(spec).dns_names.size(), 100u);
}

TEST(HostileDer, IsNoCertificate) {
  const auto good = der_of(make_cert({.dns = {"mx.example.net"}}, ec_key()));
  ASSERT_TRUE(summarize(good, kRedactor));
  auto trailing = good;
  trailing.push_back(0);
  EXPECT_FALSE(summarize(trailing, kRedactor)) << "an octet behind the certificate";
  EXPECT_FALSE(summarize({}, kRedactor));
  EXPECT_FALSE(summarize(as_bytes("-----BEGIN CERTIFICATE-----"), kRedactor));
  for (std::size_t n = 0; n < good.size(); n += 7) {
    EXPECT_FALSE(summarize(Bytes(good).first(n), kRedactor)) << "cut at " << n;
  }
  const test::Octets huge_length = {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00};
  EXPECT_FALSE(summarize(huge_length, kRedactor));
  test::Octets nested;
  for (int i = 0; i < 30'000; ++i) nested.insert(nested.end(), {0x30, 0x80});
  EXPECT_FALSE(summarize(nested, kRedactor)) << "30,000 sequences in each other";
  auto giant = good;
  giant.resize(limits::kTlsHandshakeBytes + 1);
  EXPECT_FALSE(summarize(giant, kRedactor));
  EXPECT_EQ(ERR_peek_error(), 0u) << "nothing left for the next caller";
}

TEST(HostileDer, MutationsNeverHarm) {
  const Pki pki;
  TrustStore store = store_of({pki.root});
  std::mt19937 random(8461);
  for (int round = 0; round < 3'000; ++round) {
    Chains chain = pki.chain();
    for (auto& der : chain) {
      for (int i = 0; i < 3; ++i) der[random() % der.size()] ^= static_cast<std::uint8_t>(random());
    }
    const auto read = store.read(chain, kRedactor);
    ASSERT_NE(read, nullptr);
    if (!read->certificates.empty()) (void)matches_host(read->certificates[0], "mx.example.net");
    (void)tlsa_matches(chain[0], 1, 1, sha256(chain[0]));
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

struct HostCase {
  const char* name;
  const char* host;
  bool matches;
};

TEST(MatchesHost, TableOfRfc6125) {
  const HostCase cases[] = {
      {"mx.example.net", "mx.example.net", true},
      {"mx.example.net", "MX.EXAMPLE.NET", true},
      {"mx.example.net", "mx.example.net.", true},
      {"mx.example.net.", "mx.example.net", true},
      {"mx.example.net", "mx2.example.net", false},
      {"mx.example.net", "example.net", false},
      {"mx.example.net", "", false},
      {"mx.example.net", ".", false},
      {"*.example.net", "mx.example.net", true},
      {"*.example.net", "MX.example.net.", true},
      {"*.example.net", "xn--bcher-kva.example.net", true},
      {"*.example.net", "example.net", false},
      {"*.example.net", ".example.net", false},
      {"*.example.net", "a.mx.example.net", false},
      {"*.example.net", "*.example.net", false},
      {"mx*.example.net", "mx1.example.net", false},
      {"*x.example.net", "mx.example.net", false},
      {"mx.*.net", "mx.example.net", false},
      {"*.*.net", "mx.example.net", false},
      {"*", "mx", false},
      {"*.", "mx.", false},
      {"192.0.2.1", "192.0.2.1", false},
      {"*.0.2.1", "192.0.2.1", false},
      {"[192.0.2.1]", "[192.0.2.1]", false},
      {"2001:db8::1", "2001:db8::1", false},
  };
  for (const HostCase& one : cases) {
    const Summary summary = summary_of({.dns = {one.name}});
    EXPECT_EQ(matches_host(summary, one.host), one.matches) << one.name << " for " << one.host;
  }
}

TEST(MatchesHost, EmbeddedNulNeverMatches) {
  const std::string forged("mx.example.net\0.example.org", 27);
  const Summary as_dns = summary_of({.common_name = "mx.example.net", .dns = {forged}});
  EXPECT_FALSE(matches_host(as_dns, "mx.example.net"));
  EXPECT_FALSE(matches_host(as_dns, std::string_view(forged)));
  const Summary as_common_name = summary_of({.common_name = forged});
  EXPECT_FALSE(matches_host(as_common_name, "mx.example.net"));
  EXPECT_FALSE(matches_host(as_common_name, std::string_view(forged)));
}

TEST(MatchesHost, CommonNameOnlyWithoutDnsName) {
  EXPECT_TRUE(matches_host(summary_of({.common_name = "Mx.Example.net"}), "mx.example.net"));
  EXPECT_TRUE(
      matches_host(summary_of({.common_name = "mx.example.net", .san_email = "a@example.net"}),
                   "mx.example.net"));
  EXPECT_FALSE(
      matches_host(summary_of({.common_name = "mx.example.net", .dns = {"other.example.net"}}),
                   "mx.example.net"));
  EXPECT_FALSE(
      matches_host(summary_of({.common_name = "mx.example.net", .dns = {std::string(300, 'a')}}),
                   "mx.example.net"))
      << "a dNSName we do not keep is a dNSName";
}

TEST(Tlsa, MatchesBySelectorAndType) {
  const auto key = ec_key();
  const auto der = der_of(make_cert({}, key));
  unsigned char* out = nullptr;
  const int length = i2d_PUBKEY(key.get(), &out);
  const test::Octets spki(out, out + length);
  OPENSSL_free(out);
  const auto sha512 = [](Bytes bytes) {
    test::Octets digest(64);
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha512(), nullptr);
    return digest;
  };
  EXPECT_TRUE(tlsa_matches(der, 0, 0, der));
  EXPECT_TRUE(tlsa_matches(der, 0, 1, sha256(der)));
  EXPECT_TRUE(tlsa_matches(der, 0, 2, sha512(der)));
  EXPECT_TRUE(tlsa_matches(der, 1, 0, spki));
  EXPECT_TRUE(tlsa_matches(der, 1, 1, sha256(spki)));
  EXPECT_TRUE(tlsa_matches(der, 1, 2, sha512(spki)));

  EXPECT_FALSE(tlsa_matches(der, 0, 1, sha256(spki)));
  EXPECT_FALSE(tlsa_matches(der, 2, 1, sha256(der))) << "selector unknown";
  EXPECT_FALSE(tlsa_matches(der, 0, 3, sha256(der))) << "matching type unknown";
  EXPECT_FALSE(tlsa_matches(der, 0, 1, Bytes(sha256(der)).first(31)));
  EXPECT_FALSE(tlsa_matches(der, 0, 2, sha256(der)));
  EXPECT_FALSE(tlsa_matches(der, 0, 1, {}));
  EXPECT_FALSE(tlsa_matches({}, 0, 0, {}));
  EXPECT_FALSE(tlsa_matches(as_bytes("junk"), 0, 0, as_bytes("junk"))) << "no certificate";
}

TEST(TrustStore, TrustsAPathAndNothingElse) {
  const Pki pki, stranger;
  TrustStore store = store_of({pki.root});
  EXPECT_EQ(store.read(pki.chain(), kRedactor)->trust, Verify::ok);
  Chains with_root = pki.chain();
  with_root.push_back(der_of(pki.root));
  EXPECT_EQ(store.read(with_root, kRedactor)->trust, Verify::ok);
  EXPECT_EQ(store.read({der_of(pki.leaf)}, kRedactor)->trust, Verify::untrusted)
      << "no intermediate";
  EXPECT_EQ(store.read(stranger.chain(), kRedactor)->trust, Verify::untrusted) << "same names";
  TrustStore middle_only = store_of({pki.middle});
  EXPECT_EQ(middle_only.read(pki.chain(), kRedactor)->trust, Verify::untrusted) << "partial chain";
  EXPECT_EQ(store_of({pki.root}).read({}, kRedactor)->trust, Verify::not_checked);
}

TEST(TrustStore, PurposeMustBeServer) {
  const Pki pki({.extended_usage = "clientAuth"});
  EXPECT_EQ(store_of({pki.root}).read(pki.chain(), kRedactor)->trust, Verify::untrusted);
}

TEST(TrustStore, SelfSignedLeaf) {
  const Pki pki;
  const auto alone = make_cert({}, ec_key());
  EXPECT_EQ(store_of({pki.root}).read({der_of(alone)}, kRedactor)->trust, Verify::self_signed);
  EXPECT_EQ(store_of({alone}).read({der_of(alone)}, kRedactor)->trust, Verify::ok);
  const auto forged = make_cert({}, ec_key(), alone, ec_key());
  EXPECT_EQ(store_of({pki.root}).read({der_of(forged)}, kRedactor)->trust, Verify::untrusted);
}

TEST(TrustStore, WeakRootsStillTrust) {
  const auto root_key = test::rsa_key(1024), leaf_key = test::rsa_key(1024);
  const auto root = make_cert({.ca = true, .digest = EVP_sha1()}, root_key);
  const auto leaf =
      make_cert({.common_name = "leaf", .digest = EVP_sha1()}, leaf_key, root, root_key);
  EXPECT_EQ(store_of({root}).read({der_of(leaf)}, kRedactor)->trust, Verify::ok);
}

TEST(TrustStore, DatesAreThoseOfThePathAtThePacketsTime) {
  const Pki pki({.not_before = "20240301000000Z", .not_after = "20240601000000Z"},
                {.not_before = "20200101000000Z", .not_after = "20240501000000Z"},
                {.not_before = "20100101000000Z", .not_after = "20300101000000Z"});
  TrustStore store = store_of({pki.root});
  const auto chain = store.read(pki.chain(), kRedactor);
  EXPECT_EQ(chain->trust, Verify::ok) << "long expired by the clock, which is not asked";
  EXPECT_EQ(chain->valid_from, at("2024-03-01T00:00:00Z"));
  EXPECT_EQ(chain->valid_until, at("2024-05-01T00:00:00Z")) << "the intermediate ends first";
  EXPECT_EQ(chain->verify(at("2024-02-29T23:59:59Z")), Verify::not_yet_valid);
  EXPECT_EQ(chain->verify(at("2024-03-01T00:00:00Z")), Verify::ok);
  EXPECT_EQ(chain->verify(at("2024-05-01T00:00:00Z")), Verify::ok);
  EXPECT_EQ(chain->verify(at("2024-05-01T00:00:01Z")), Verify::expired);

  const auto untrusted = TrustStore::empty().read({der_of(pki.leaf)}, kRedactor);
  EXPECT_EQ(untrusted->trust, Verify::not_checked);
  EXPECT_EQ(untrusted->verify(at("2025-01-01T00:00:00Z")), Verify::not_checked);
  EXPECT_EQ(untrusted->valid_until, at("2024-06-01T00:00:00Z"));
}

TEST(TrustStore, IssuerKeyNeedsASignature) {
  const Pki pki, stranger;
  const auto spki = [](const test::Cert& one) {
    return hex(summarize(der_of(one), kRedactor)->spki_sha256);
  };
  TrustStore nothing = TrustStore::empty();
  EXPECT_EQ(nothing.read(pki.chain(), kRedactor)->issuer_spki, spki(pki.middle));
  EXPECT_EQ(nothing.read({der_of(pki.leaf)}, kRedactor)->issuer_spki, "");
  EXPECT_EQ(nothing.read({der_of(pki.leaf), der_of(stranger.middle)}, kRedactor)->issuer_spki, "")
      << "same name, another key";
  EXPECT_EQ(nothing.read({der_of(pki.root)}, kRedactor)->issuer_spki, spki(pki.root));
  const auto direct = make_cert({}, ec_key(), pki.root, pki.root_key);
  EXPECT_EQ(store_of({pki.root}).read({der_of(direct)}, kRedactor)->issuer_spki, spki(pki.root))
      << "found in the store";
}

TEST(TrustStore, UnreadableLeafHidesTheRest) {
  const Pki pki;
  Chains chain = pki.chain();
  chain[0].push_back(0);
  const auto read = store_of({pki.root}).read(chain, kRedactor);
  EXPECT_TRUE(read->certificates.empty()) << "the intermediate must not pass for the leaf";
  EXPECT_EQ(read->trust, Verify::not_checked);
  chain = pki.chain();
  chain.insert(chain.begin() + 1, {0x30, 0x00});
  EXPECT_EQ(store_of({pki.root}).read(chain, kRedactor)->certificates.size(), 2u);
}

TEST(TrustStore, ReadsAChainOnce) {
  const Pki pki;
  TrustStore store = store_of({pki.root});
  const auto first = store.read(pki.chain(), kRedactor);
  EXPECT_EQ(store.read(pki.chain(), kRedactor), first) << "the same object";
  const Chains apart = pki.chain();
  Chains joined = {apart[0]};
  joined[0].insert(joined[0].end(), apart[1].begin(), apart[1].end());
  EXPECT_NE(store.read(joined, kRedactor), first) << "the same octets cut elsewhere";
  EXPECT_NE(store.read(joined, kRedactor)->sha256, first->sha256);
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&i);
    (void)store.read({{octets, octets + sizeof(i)}}, kRedactor);
  }
  EXPECT_EQ(first.use_count(), 1) << "pushed out of the bounded cache";
  EXPECT_EQ(store.read(pki.chain(), kRedactor)->sha256, first->sha256);
}

TEST(TrustStore, BadFilesAreTheOperatorsToCorrect) {
  const auto error_of = [](const std::string& path) {
    auto store = TrustStore::from_file(path);
    EXPECT_FALSE(store.has_value());
    return store ? Error{} : store.error();
  };
  EXPECT_EQ(error_of("/nonexistent/roots.pem").kind, ErrorKind::usage);
  EXPECT_THAT(error_of(TempFile("no PEM here\n").path()).message,
              testing::HasSubstr("no certificate"));
  const Pki pki;
  const std::string good = test::pem_of({pki.root});
  const TempFile damaged(good + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(error_of(damaged.path()).message, testing::HasSubstr("certificate 2"));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(TrustStore, SaysWhichFileItTrusts) {
  const Pki pki;
  const std::string pem = test::pem_of({pki.root, pki.root});
  const TempFile file(pem);
  const auto store = TrustStore::from_file(file.path());
  ASSERT_TRUE(store) << "the same root twice is no error";
  EXPECT_EQ(store->sha256(), hex(sha256(as_bytes(pem))));
  EXPECT_EQ(TrustStore::empty().sha256(), "");
}

}  // namespace
}  // namespace mxw::x509
