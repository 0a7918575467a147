// What core/dkim promises: canonical forms, key records, signatures of RFC 8463's appendix, and
// that every damage has its word.
#include <gmock/gmock.h>

#include "core/base/digest.hpp"
#include "core/dkim/key_record.hpp"
#include "core/dkim/message.hpp"
#include "dkim_support.hpp"

namespace mxw::dkim {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

// RFC 8463, appendix A.
const std::string kEdRecord = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const std::string kRsaRecord =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3id"
    "Y6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2"
    "kryOTIKT+l/K4w3QIDAQAB";
const std::string kRfc8463 =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

KeyAnswer rfc8463_keys(const std::string& name) {
  if (name == "brisbane._domainkey.football.example.com") return {.records = {kEdRecord}};
  if (name == "test._domainkey.football.example.com") return {.records = {kRsaRecord}};
  return {};
}

TEST(DkimRfc8463, BothSignaturesOfTheAppendixHold) {
  EXPECT_THAT(key_names(kRfc8463), ElementsAre("brisbane._domainkey.football.example.com",
                                               "test._domainkey.football.example.com"));
  const Verification result = verify(kRfc8463, rfc8463_keys, kNow);
  EXPECT_EQ(result.status, Status::pass);
  ASSERT_EQ(result.signatures.size(), 2U);
  for (const Signature& one : result.signatures) {
    EXPECT_EQ(one.status, Status::pass) << one.reason;
    EXPECT_EQ(one.reason, "");
    EXPECT_EQ(one.domain, "football.example.com");
    EXPECT_FALSE(one.covers_report);
    EXPECT_TRUE(good_for_report(one));
  }
  EXPECT_EQ(result.signatures[0].algorithm, "ed25519-sha256");
  EXPECT_EQ(result.signatures[1].selector, "test");
}

TEST(DkimRfc8463, WhatWasChangedFails) {
  struct Row {
    const char *from, *to, *reason;
  };
  for (const Row& row : {Row{"We lost", "We won", "body-hash"},
                         {"Subject: Is", "Subject: Was", "signature"},
                         {"Suzie Q", "Suzie X", "signature"},
                         // Oversigned: a second one takes the place that was signed as absent.
                         {"Subject:", "Subject: x\r\nSubject:", "signature"}}) {
    const Verification result = verify(replaced(kRfc8463, row.from, row.to), rfc8463_keys, kNow);
    EXPECT_EQ(result.status, Status::fail) << row.to;
    for (const Signature& one : result.signatures) EXPECT_EQ(one.reason, row.reason) << row.to;
  }
}

TEST(DkimRfc8463, WhatRelaxedFormsAllowIsAllowed) {
  for (const auto& [from, to] : {std::pair{"From: Joe", "FROM :\t  Joe"},
                                 {"Is dinner", "Is\r\n \t dinner"},
                                 {"lost the game.  Are", "lost \t the game. Are"},
                                 {"Joe.\r\n", "Joe.  \r\n\r\n\r\n"},
                                 {"To: Suzie", "X-New: 1\r\nTo: Suzie"},
                                 {"Joe.\r\n", "Joe."}}) {
    const Verification result = verify(replaced(kRfc8463, from, to), rfc8463_keys, kNow);
    EXPECT_EQ(result.signatures[0].status, Status::pass) << to;
    EXPECT_EQ(result.signatures[1].status, Status::pass) << to;
  }
}

TEST(DkimRfc8463, AFileWithLineFeedsAloneIsReadAsTheMailItWas) {
  std::string file = kRfc8463;
  std::erase(file, '\r');
  EXPECT_EQ(verify(file, rfc8463_keys, kNow).status, Status::pass);
}

// Canonical forms.

// RFC 6376 section 3.4.5.
TEST(DkimForms, ExamplesOfTheRfc) {
  Message message;
  ASSERT_TRUE(split("A: X \r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n", message));
  ASSERT_EQ(message.fields.size(), 2U);
  EXPECT_EQ(message.fields[1].name, "B");
  EXPECT_EQ(canonical_field(message.fields[0].raw, Form::relaxed), "a:X\r\n");
  EXPECT_EQ(canonical_field(message.fields[1].raw, Form::relaxed), "b:Y Z\r\n");
  EXPECT_EQ(canonical_field(message.fields[1].raw, Form::simple), "B : Y\t\r\n\tZ  \r\n");
  EXPECT_EQ(body_hash(message.body, Form::relaxed), sha256(as_bytes(" C\r\nD E\r\n")));
  EXPECT_EQ(body_hash(message.body, Form::simple), sha256(as_bytes(" C \r\nD \t E\r\n")));
}

TEST(DkimForms, Bodies) {
  struct Row {
    const char *body, *simple, *relaxed;
  };
  for (const Row& row : {Row{"", "\r\n", ""},
                         {"\r\n", "\r\n", ""},
                         {"\r\n\r\n\r\n", "\r\n", ""},
                         {" \t\r\n", " \t\r\n", ""},
                         {" \t", " \t\r\n", ""},
                         {"a", "a\r\n", "a\r\n"},
                         {"a\r\n\r\n", "a\r\n", "a\r\n"},
                         {"a \r\n \r\n", "a \r\n \r\n", "a\r\n"},
                         {"\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
                         {"  a  b\tc\r\n", "  a  b\tc\r\n", " a b c\r\n"},
                         {"a\nb\rc\r\n", "a\nb\rc\r\n", "a\nb\rc\r\n"}}) {
    EXPECT_EQ(body_hash(row.body, Form::simple), sha256(as_bytes(row.simple))) << row.body;
    EXPECT_EQ(body_hash(row.body, Form::relaxed), sha256(as_bytes(row.relaxed))) << row.body;
  }
  // Sections 3.4.3 and 3.4.4 give these.
  EXPECT_EQ(base64(body_hash("", Form::simple)), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  EXPECT_EQ(base64(body_hash("", Form::relaxed)), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST(DkimForms, ABodyIsCutAtItsLength) {
  std::size_t size = 0;
  EXPECT_EQ(body_hash("abc\r\ndef\r\n", Form::simple, 4, &size), sha256(as_bytes("abc\r")));
  EXPECT_EQ(size, 10U);
}

TEST(DkimForms, HeadersOfEveryShape) {
  Message message;
  ASSERT_TRUE(
      split("From nobody\r\n folded\r\nA:1\r\nno field here\r\n\tof none\r\nB:\r\n 2", message));
  ASSERT_EQ(message.fields.size(), 2U);
  EXPECT_EQ(canonical_field(message.fields[1].raw, Form::relaxed), "b:2\r\n");
  EXPECT_EQ(canonical_field(message.fields[1].raw, Form::simple), "B:\r\n 2\r\n");
  EXPECT_EQ(message.body, "");

  ASSERT_TRUE(split("A: 1\r\na: 2\r\nB: 3\r\n\r\n", message));
  const auto fields = select(message, {"a", "A", "b", "a", "c"});
  ASSERT_EQ(fields.size(), 5U);
  EXPECT_EQ(fields[0]->raw, "a: 2\r\n");
  EXPECT_EQ(fields[1]->raw, "A: 1\r\n");
  EXPECT_EQ(fields[2]->raw, "B: 3\r\n");
  EXPECT_EQ(fields[3], nullptr);
  EXPECT_EQ(fields[4], nullptr);
}

TEST(DkimForms, LimitsAreSaid) {
  Message message;
  std::string many;
  for (std::size_t i = 0; i < kHeaderFields; ++i) many += "a: b\r\n";
  EXPECT_TRUE(split(many + "\r\n", message));
  EXPECT_FALSE(split(many + "a: b\r\n\r\n", message));
  EXPECT_FALSE(split("a: " + std::string(kHeaderBytes, 'b') + "\r\n\r\n", message));
  const Verification result = verify(many + many, rfc8463_keys, kNow);
  EXPECT_TRUE(result.too_large);
  EXPECT_EQ(result.status, Status::none);
}

// Key records.

TEST(DkimKeyRecord, Good) {
  const auto all = parse_key_record("v=DKIM1; k=ed25519; p=AAEC ; x=unknown;");
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->type, KeyRecord::Type::ed25519);
  EXPECT_THAT(all->key, ElementsAre(0, 1, 2));
  EXPECT_TRUE(all->for_tlsrpt && all->for_email && all->sha256);
  EXPECT_FALSE(all->testing || all->same_domain);
  const auto narrow = parse_key_record("p=AA\r\n EC; h=sha1; s=email : other; t=y:s; n=a note");
  ASSERT_TRUE(narrow.has_value());
  EXPECT_EQ(narrow->type, KeyRecord::Type::rsa);
  EXPECT_TRUE(narrow->for_email && narrow->testing && narrow->same_domain);
  EXPECT_FALSE(narrow->for_tlsrpt || narrow->sha256);
  EXPECT_TRUE(parse_key_record("v=DKIM1; s=tlsrpt; p=AAEC")->for_tlsrpt);
  EXPECT_FALSE(parse_key_record("v=DKIM1; s=tlsrpt; p=AAEC")->for_email);
  EXPECT_TRUE(parse_key_record("s=*; p=AAEC")->for_tlsrpt);
  EXPECT_THAT(parse_key_record("v=DKIM1; p=")->key, IsEmpty());
}

TEST(DkimKeyRecord, Bad) {
  for (const auto& [text, reason] : {std::pair{"v=DKIM2; p=AAEC", "key-version"},
                                     {"k=rsa; v=DKIM1; p=AAEC", "key-version"},
                                     {"v=DKIM1; k=dsa; p=AAEC", "key-type"},
                                     {"v=DKIM1; k=rsa", "key-without-p"},
                                     {"v=spf1 -all", "key-version"},
                                     {"v=DKIM1; p=A*", "key-syntax"},
                                     {"v=DKIM1; p=AAEC; p=AAEC", "key-syntax"},
                                     {"v=DKIM1;; p=AAEC", "key-syntax"},
                                     {"v=DKIM1; =x; p=AAEC", "key-syntax"},
                                     {"hello", "key-syntax"},
                                     {"", "key-without-p"}}) {
    const auto record = parse_key_record(text);
    ASSERT_FALSE(record.has_value()) << text;
    EXPECT_EQ(record.error(), reason) << text;
  }
  EXPECT_EQ(parse_key_record("p=" + std::string(kKeyRecordBytes, 'A')).error(), "key-too-large");
}

// Verification: each trouble and its word.

Signature judged(const std::string& message, const KeyLookup& keys) {
  const Verification result = verify(message, keys, kNow);
  return result.signatures.empty() ? Signature{} : result.signatures.front();
}

TEST(DkimVerify, SignaturesThatCannotBeJudged) {
  struct Row {
    const char *from, *to, *reason;
  };
  for (const Row& row :
       {Row{"v=1;", "v=2;", "version"},
        {"v=1;", "", "version"},
        {"a=ed25519-sha256", "a=rsa-sha1", "algorithm"},
        {"a=ed25519-sha256; ", "", "algorithm"},
        {"c=relaxed/relaxed", "c=relaxed/other", "canonicalization"},
        {"h=from : to", "h=to", "signature"},  // From is named again further on
        {"h=from : to :\r\n subject : date : message-id : from :", "h=to :", "no-from"},
        {"i=@football.example.com", "i=@notfootball.example.com", "identity"},
        {"i=@football.example.com", "i=nobody", "identity"},
        {"q=dns/txt", "q=http", "query"},
        {"t=1528637909", "t=1528637909; x=1528637909", "dates"},
        {"t=1528637909", "t=152863790900000", "syntax"},
        {"t=1528637909", "l=-1", "syntax"},
        {"s=brisbane", "s=a b", "syntax"},
        {"d=football.example.com", "d=foot ball", "syntax"},
        {"d=football.example.com; ", "", "syntax"},
        {"s=brisbane", "s=brisbane; s=brisbane", "syntax"},
        {"bh=2jUS", "bh=*jUS", "syntax"},
        {"\r\n b=", "\r\n bb=", "syntax"},
        {"t=1528637909", "t=1528637909; x=1528637910", "expired"},
        {"t=1528637909", "t=1528637909; l=999999", "length"}}) {
    const Signature one = judged(replaced(kRfc8463, row.from, row.to), rfc8463_keys);
    const std::string_view reason = row.reason;
    const bool fails = reason == "expired" || reason == "signature";
    EXPECT_EQ(one.status, fails ? Status::fail : Status::permerror) << row.to;
    EXPECT_EQ(one.reason, reason) << row.to;
  }
}

TEST(DkimVerify, KeysThatDoNotServe) {
  struct Row {
    KeyAnswer answer;
    Status status;
    const char* reason;
  };
  for (const Row& row :
       {Row{{.known = false, .records = {}}, Status::no_key, "unavailable"},
        {{.records = {}}, Status::no_key, "no-key"},
        {{.records = {"v=DKIM1; k=ed25519; p="}}, Status::no_key, "revoked"},
        {{.records = {kEdRecord, kEdRecord}}, Status::permerror, "several-keys"},
        {{.records = {kRsaRecord}}, Status::permerror, "key-type"},
        {{.records = {"v=spf1 -all"}}, Status::permerror, "key-version"},
        {{.records = {"k=ed25519; h=sha1; p=AAEC"}}, Status::permerror, "key-hash"},
        {{.records = {"k=ed25519; p=AAEC"}}, Status::permerror, "key-value"}}) {
    const Signature one = judged(kRfc8463, [&row](const std::string&) { return row.answer; });
    EXPECT_EQ(one.status, row.status) << row.reason;
    EXPECT_EQ(one.reason, row.reason);
    EXPECT_EQ(one.unavailable, !row.answer.known);
    EXPECT_FALSE(good_for_report(one));
  }
  // The second signature, by RSA, with a key of 512 bits.
  const Verification result = verify(kRfc8463, gives("p=" + base64(rsa_public(512))), kNow);
  EXPECT_EQ(result.signatures[1].reason, "key-size");
  // A record of another kind beside the key.
  EXPECT_EQ(judged(kRfc8463,
                   [](const std::string&) { return KeyAnswer{.records = {"hello", kEdRecord}}; })
                .status,
            Status::pass);
}

TEST(DkimVerify, FindingsThatSpoilAValidSignature) {
  const Signature testing = judged(kRfc8463, gives(kEdRecord + "; t=y"));
  EXPECT_EQ(testing.status, Status::pass);
  EXPECT_TRUE(testing.testing);
  EXPECT_FALSE(good_for_report(testing));
  const Signature email = judged(kRfc8463, gives(kEdRecord + "; s=email"));
  EXPECT_EQ(email.status, Status::pass);
  EXPECT_FALSE(good_for_report(email));
  EXPECT_TRUE(good_for_report(judged(kRfc8463, gives(kEdRecord + "; s=tlsrpt"))));
}

TEST(DkimVerify, NoMoreSignaturesThanTheLimit) {
  std::string many;
  for (int i = 0; i < 10; ++i) many += "DKIM-Signature: v=2; b=AAEC\r\n";
  const Verification result = verify(many + kRfc8463, rfc8463_keys, kNow);
  EXPECT_EQ(result.signatures.size(), kSignatures);
  EXPECT_EQ(result.passed_over, 4U);
  EXPECT_EQ(result.status, Status::permerror);
  EXPECT_EQ(verify("From: a\r\n\r\n", rfc8463_keys, kNow).status, Status::none);
}

// Signing.

TEST(DkimSign, WhatWeSignHolds) {
  for (const std::string& pem : {rsa_2048(), ed25519_pem()}) {
    const auto key = SigningKey::from_pem(pem);
    ASSERT_TRUE(key.has_value()) << key.error().message;
    const auto field = sign(*key, request(), kReport);
    ASSERT_TRUE(field.has_value());
    EXPECT_EQ(sign(*key, request(), kReport).value(), *field) << "not the same octets";
    const Signature one = judged(*field + kReport, gives(key->record()));
    EXPECT_EQ(one.status, Status::pass) << one.reason;
    EXPECT_TRUE(one.covers_report && one.key_for_tlsrpt && good_for_report(one));
    EXPECT_EQ(one.domain, "reports.example.net");
    EXPECT_EQ(field->find("l="), std::string::npos);
    for (std::string_view rest = *field; !rest.empty();) {
      const std::size_t end = rest.find("\r\n");
      ASSERT_NE(end, std::string_view::npos);
      EXPECT_LE(end, 78U) << rest.substr(0, end);
      rest.remove_prefix(end + 2);
    }
  }
}

TEST(DkimSign, NothingOfTheListCanBeChangedOrAdded) {
  const auto key = SigningKey::from_pem(ed25519_pem());
  ASSERT_TRUE(key.has_value());
  const std::string field = sign(*key, request(), kReport).value();
  for (const auto& [from, to] :
       {std::pair{"From: Example", "From: x@example.com\r\nFrom: Example"},
        {"To: <tls@", "To: <other@"},
        {"Report Domain: example.org", "Report Domain: example.com"},
        {"19 Nov", "20 Nov"},
        {"Message-ID: <2", "Message-ID: <3"},
        {"MIME-Version: 1.0", "MIME-Version: 1.1"},
        {"boundary=\"b\"", "boundary=\"c\""},
        {"TLS-Report-Domain: example.org", "TLS-Report-Domain: example.com"},
        {"TLS-Report-Submitter: reports", "TLS-Report-Submitter: other"},
        {"TLS-Required: No\r\n", ""}}) {
    const Signature one = judged(field + replaced(kReport, from, to), gives(key->record()));
    EXPECT_EQ(one.status, Status::fail) << to;
    EXPECT_EQ(one.reason, "signature") << to;
  }
  EXPECT_EQ(judged(field + kReport + "more\r\n", gives(key->record())).reason, "body-hash");
}

TEST(DkimSign, AFieldThatIsNotThereIsSignedAsAbsent) {
  const auto key = SigningKey::from_pem(ed25519_pem());
  const std::string bare = "From: <a@reports.example.net>\r\n\r\nx\r\n";
  const std::string field = sign(*key, request(), bare).value();
  EXPECT_EQ(judged(field + bare, gives(key->record())).status, Status::pass);
  EXPECT_EQ(judged(field + "To: x\r\n" + bare, gives(key->record())).status, Status::fail);
}

TEST(DkimSign, KeysThatAreRefused) {
  const Evp ec(EVP_EC_gen("P-256"), EVP_PKEY_free);
  for (const auto& [pem, word] : {std::pair{rsa_pem(1'024), "1024 bits"},
                                  {pem_of(ec.get()), "neither"},
                                  {std::string("hello"), "no private key"},
                                  {std::string(), "no private key"},
                                  {rsa_2048().substr(0, 400), "no private key"}}) {
    const auto key = SigningKey::from_pem(pem);
    ASSERT_FALSE(key.has_value()) << word;
    EXPECT_EQ(key.error().kind, ErrorKind::usage);
    EXPECT_THAT(key.error().message, testing::HasSubstr(word));
  }
  const auto key = SigningKey::from_pem(ed25519_pem());
  EXPECT_FALSE(sign(*key, request(), "To: <a@example.org>\r\n\r\nx\r\n").has_value());
}

TEST(DkimSelfTest, SaysWhatIsWrongWithTheRecord) {
  const auto key = SigningKey::from_pem(ed25519_pem());
  const auto other = SigningKey::from_pem(ed25519_pem());
  const auto tested = [&key](KeyAnswer answer) {
    const auto result = self_test(*key, "reports.example.net", "s2026", answer, kNow);
    return result ? std::string("good") : result.error().message;
  };
  using testing::HasSubstr;
  EXPECT_EQ(tested({.records = {key->record()}}), "good");
  EXPECT_THAT(tested({}), HasSubstr("s2026._domainkey.reports.example.net: no-key"));
  EXPECT_THAT(tested({.known = false, .records = {}}), HasSubstr("cannot be looked up"));
  EXPECT_THAT(tested({.records = {other->record()}}), HasSubstr(": signature"));
  EXPECT_THAT(tested({.records = {"v=DKIM1; p="}}), HasSubstr("revoked"));
  EXPECT_THAT(tested({.records = {key->record() + "; t=y"}}), HasSubstr("test mode"));
  EXPECT_THAT(tested({.records = {replaced(key->record(), "s=tlsrpt", "s=email")}}),
              HasSubstr("not for tlsrpt"));
}

}  // namespace
}  // namespace mxw::dkim
