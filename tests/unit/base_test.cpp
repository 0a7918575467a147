// What core/base promises: bounded reading, text that survives any bytes, times, redaction.
#include <gtest/gtest.h>

#include "core/base/ascii.hpp"
#include "core/base/bytes.hpp"
#include "core/base/digest.hpp"
#include "core/base/ip.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/redact.hpp"
#include "core/base/siphash.hpp"
#include "core/base/time.hpp"

namespace mxw {
namespace {

TEST(ByteReader, ErrorSticksAndReadsNothingMore) {
  const std::uint8_t data[] = {1, 2, 3};
  ByteReader reader(data);
  EXPECT_EQ(reader.u16(), 0x0102);
  EXPECT_EQ(reader.u16(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0) << "a byte is left, but the error sticks";
  EXPECT_TRUE(reader.rest().empty());
}

TEST(ByteReader, LengthPrefixBeyondTheEndIsAnError) {
  const std::uint8_t data[] = {5, 'a', 'b'};
  ByteReader reader(data);
  EXPECT_TRUE(reader.take_u8().empty());
  EXPECT_FALSE(reader.ok());
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, SurvivesAnyBytes) {
  EXPECT_EQ(json("a\"b\\c\r\n\x01"), R"("a\"b\\c\r\n\u0001")");
  EXPECT_EQ(json("\xff\xc3\xa9\xed\xa0\x80"),
            "\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json(std::string_view("\0x", 2)), "\"\\u0000x\"");
  EXPECT_EQ(json("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "cut sequence";
}

TEST(JsonWriter, NestsWithCommas) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("a", 1).key("b").begin_array().string("x").number(-2).end_array();
  writer.member("c", true).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x",-2],"c":true})");
}

TEST(Time, EveFormIsThirtyOneCharactersForAnyInput) {
  EXPECT_EQ(format_eve(Time{1'795'248'003'123'456'789}), "2026-11-21T08:00:03.123456+0000");
  for (const std::int64_t ns : {std::int64_t{0}, INT64_MIN, INT64_MAX, std::int64_t{-1}})
    EXPECT_EQ(format_eve(Time{ns}).size(), 31U) << ns;
}

TEST(Time, Rfc3339RoundTripsAndRefusesTheRest) {
  const auto t = parse_rfc3339("2026-11-21T08:00:03Z");
  ASSERT_TRUE(t);
  EXPECT_EQ(format_rfc3339(*t), "2026-11-21T08:00:03Z");
  EXPECT_EQ(parse_rfc3339("2026-11-21T10:00:03+02:00"), t);
  EXPECT_EQ(format_rfc3339(*parse_rfc3339("2026-11-21T08:00:03.25Z")), "2026-11-21T08:00:03.25Z");
  for (const char* bad : {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                          "2026-11-21T08:00:03", "2026-11-21T08:00:03Zx", "2026-11-21T24:00:00Z",
                          "1969-01-01T00:00:00Z", "2026-11-21T08:00:03.Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Cidr, HoldsItsAddressesAndClearsHostBits) {
  const auto net = Cidr::parse("192.0.2.77/24");
  ASSERT_TRUE(net);
  EXPECT_EQ(net->text(), "192.0.2.0/24");
  EXPECT_TRUE(net->contains(*IpAddress::parse("192.0.2.255")));
  EXPECT_FALSE(net->contains(*IpAddress::parse("192.0.3.0")));
  EXPECT_FALSE(net->contains(*IpAddress::parse("::ffff:192.0.2.1")));
  EXPECT_TRUE(Cidr::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:7fff::1")));
  EXPECT_FALSE(Cidr::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:8000::1")));
  for (const char* bad : {"", "/24", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "x/8"})
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
}

TEST(Redactor, NoLocalPartLeavesFreeText) {
  const Redactor redactor;
  const struct {
    const char *in, *out;
  } table[] = {
      {"250 2.1.5 <alice@example.net> ok", "250 2.1.5 <*@example.net> ok"},
      {"550 bob@example.org unknown", "550 <*@example.org> unknown"},
      {"MAIL FROM:<\"a b\"@example.net> SIZE=1", "MAIL FROM:<*@example.net> SIZE=1"},
      {"x@[192.0.2.1] y", "<*@[192.0.2.1]> y"},
      {"rua=mailto:reports@example.com,mailto:b@example.org",
       "rua=mailto:<*@example.com>,mailto:<*@example.org>"},
      {"a@b@example.net", "<*@b>@example.net"},
      {"@ alone and a @ b", "@ alone and a @ b"},
      {"fitzgerald.o'hara@x.test '", "<*@x.test> '"},
      {"no address", "no address"},
  };
  for (const auto& row : table) EXPECT_EQ(redactor.text(row.in), row.out);
  EXPECT_EQ(redactor.address("alice", "example.net"), "<*@example.net>");
  EXPECT_EQ(redactor.address("", ""), "<>");
}

TEST(Redactor, HashIsStableAndKeyed) {
  const Redactor one(Privacy::hash, "key one");
  const Redactor two(Privacy::hash, "key two");
  EXPECT_EQ(one.address("alice", "Example.net"), one.address("alice", "Example.net"));
  EXPECT_NE(one.address("alice", "example.net"), two.address("alice", "example.net"));
  EXPECT_EQ(one.address("alice", "example.net").find("alice"), std::string::npos);
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  Sha256Stream stream;
  stream.update(as_bytes("a"));
  stream.update(as_bytes("bc"));
  EXPECT_EQ(stream.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(base64(as_bytes("ab")), "YWI=");
}

TEST(SipHash, DependsOnKeyAndEveryByte) {
  const HashKey key{1, 2};
  EXPECT_EQ(siphash(key, as_bytes("abcdefghi")), siphash(key, as_bytes("abcdefghi")));
  EXPECT_NE(siphash(key, as_bytes("abcdefghi")), siphash(key, as_bytes("abcdefghj")));
  EXPECT_NE(siphash(key, as_bytes("abc")), siphash(HashKey{1, 3}, as_bytes("abc")));
  const Hash128 both = siphash128(key, as_bytes("abcdefghi"));
  EXPECT_EQ(both, siphash128(key, as_bytes("abcdefghi")));
  EXPECT_NE(both.first, both.second);
  EXPECT_NE(both.first, siphash128(key, as_bytes("abcdefghj")).first);
  EXPECT_NE(both.second, siphash128(key, as_bytes("abcdefghj")).second);
  EXPECT_NE(both, siphash128(HashKey{1, 3}, as_bytes("abcdefghi")));
}

TEST(Digest, Base64ComesBackAndNothingElseIsTaken) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    const auto back = from_base64(base64(as_bytes(text)));
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(as_text(*back), text);
  }
  for (const std::string bad : {"Zg=", "Zg", " Zg==", "Zg==\n", "Z*==", "Zm9v Zm9v"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace mxw
