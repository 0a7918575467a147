// The JSON reader: what is JSON, what is not, and that it says of any octets what nlohmann's parser
// says.
#include "core/base/json_reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/unit/json_oracle.hpp"

namespace mxw {
namespace {

constexpr std::size_t kDepth = 8;

bool whole(std::string_view text, std::size_t depth = kDepth) {
  JsonReader reader(text, depth);
  while (reader.next()) {
  }
  EXPECT_FALSE(reader.next());  // and stays so
  return reader.whole();
}

JsonValue first(std::string_view text) {
  JsonReader reader(text, kDepth);
  EXPECT_TRUE(reader.next()) << text;
  return reader.value();
}

TEST(JsonReader, GivesTheMembersInTheirOrder) {
  JsonReader reader(R"( {"a" : 1 , "b\n":"x\u00fc\ud83d\ude00" ,"c":{"d":[1,{}]},"a":-2} )",
                    kDepth);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), "a");
  EXPECT_EQ(reader.value().kind, JsonValue::Kind::integer);
  EXPECT_EQ(reader.value().magnitude, 1U);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), "b\n");
  std::string buffer = "used before";
  EXPECT_EQ(reader.value().text(buffer), "xü😀");
  EXPECT_EQ(reader.value().string(), "xü😀");
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.key(), "c");
  EXPECT_EQ(reader.value().raw, R"({"d":[1,{}]})");
  ASSERT_TRUE(reader.next());
  EXPECT_TRUE(reader.value().negative);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.whole());
}

TEST(JsonReader, KnowsIntegersFromWhatIsNone) {
  const auto kind = [](const std::string& number) { return first("{\"n\":" + number + "}").kind; };
  for (const char* const integer :
       {"0", "-0", "7", "18446744073709551615", "-9223372036854775808", "9999999999999999999"})
    EXPECT_EQ(kind(integer), JsonValue::Kind::integer) << integer;
  for (const char* const real : {"0.0", "1e2", "1E-2", "1e+2", "18446744073709551616", "1e-999",
                                 "-9223372036854775809", "99999999999999999999"})
    EXPECT_EQ(kind(real), JsonValue::Kind::real) << real;
  EXPECT_EQ(first(R"({"n":18446744073709551615})").magnitude, UINT64_MAX);
}

// clang-format off
const std::vector<std::string> kAwkward = {
    "", "0", "-0", "00", "01", "-", "+1", "1.", ".5", "1e", "1e+", "1e5", "1E-5", "1x", "--1",
    "1e999", "-1e999", "1e-999", "1e99999999999999999999", "1e-99999999999999999999", "0e9999",
    "0.0e99999999999999999999", std::string(400, '9'), "0." + std::string(400, '0') + "1",
    "1" + std::string(400, '0') + "e-400", "0." + std::string(400, '0') + "1e400", "true", "false",
    "null", "tru", "truex", "True", "nul", "NaN", "[]", "[1]", "[1,]", "[,]", "[1 2]", "[", "]",
    "[}", "{]", "{}", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{1:2}",
    "{\"a\":1 \"b\":2}", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
    "\"\\u0000\"", "\"\\uD800\"", "\"\\uDC00\"", "\"\\uD800\\uD800\"", "\"\\uD800x\"",
    "\"\\uDBFF\\uDFFF\"", "\"\\ud800\\udc00\"", "\"\\ud800\\\"", "\"\\b\\f\\n\\r\\t\\/\\\\\"",
    "\"\x1f\"", "\"\x7f\"", "\"\t\"", "\"\xc2\x80\"", "\"\xc1\xbf\"", "\"\xc0\x80\"",
    "\"\xe0\x9f\xbf\"", "\"\xe0\xa0\x80\"", "\"\xed\x9f\xbf\"", "\"\xed\xa0\x80\"",
    "\"\xef\xbf\xbf\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xf0\x90\x80\x80\"", "\"\xf4\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\x80\"", "\"\xe2\x82\"", "\"\xff\"", "// x",
    "/* x */ 1", "'a'", "\v1", "\f1", "\r\n\t 1"};
// clang-format on

// Alone and as the value of a member: accepted alike by the other parser.
TEST(JsonReader, TakesAndRefusesWhatTheOtherDoes) {
  for (const std::string& value : kAwkward) {
    EXPECT_TRUE(agree_on(value, kDepth)) << value;
    for (const std::string& text :
         {"{\"k\":" + value + "}", "{\"k\":[" + value + "]}", "{\"k\":" + value + ",\"l\":1}",
          "{\"k\":1}" + value, "{" + value + ":1}", "{\"k\":" + value})
      EXPECT_TRUE(agree_on(text, kDepth)) << text;
  }
}

TEST(JsonReader, RefusesWhatOnlyTheOtherTakes) {
  EXPECT_FALSE(whole(std::string_view("{}\0", 3)));
  EXPECT_FALSE(whole("\xef\xbb\xbf{}"));
  EXPECT_TRUE(whole("{}"));
}

TEST(JsonReader, GoesNoDeeperThanItMay) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(whole(nested(kDepth)));
  EXPECT_FALSE(whole(nested(kDepth + 1)));
  EXPECT_TRUE(whole("{}", 1));
  EXPECT_FALSE(whole("{\"a\":{}}", 1));
  EXPECT_FALSE(whole("{}", 0));
  EXPECT_FALSE(whole("{\"a\":" + std::string(1'000'000, '[')));
}

// Random lines of a grammar that is near JSON, then with octets changed, taken out and put in.
class Lines {
 public:
  std::string next() {
    std::string text;
    object(text, 0);
    for (std::size_t changes = random_() % 4; changes > 0 && !text.empty(); --changes) {
      const std::size_t at = random_() % text.size();
      const auto octet = static_cast<char>(any(3) ? kTokens[random_() % kTokens.size()]
                                                  : static_cast<char>(random_()));
      if (any(3)) {
        text.erase(at, 1 + random_() % 3);
      } else if (any(2)) {
        text.insert(at, 1, octet);
      } else {
        text[at] = octet;
      }
    }
    return text;
  }

 private:
  static constexpr std::string_view kTokens = "{}[]\",:\\u0e-+. \ntrfnDd8";

  bool any(unsigned of) { return random_() % of == 0; }
  template <std::size_t N>
  const char* one_of(const char* const (&words)[N]) {
    return words[random_() % N];
  }
  void string(std::string& out) {
    out += '"';
    for (std::size_t parts = random_() % 5; parts > 0; --parts)
      out += one_of({"v", "seq", "row", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "é", "😀",
                     "\xed\xa0\x80", "\\/", "\x7f", "example.org", "\\u0000"});
    out += '"';
  }
  void value(std::string& out, int depth) {
    const std::size_t kind = random_() % 8;
    if (kind == 0 && depth < 4) return object(out, depth + 1);
    if (kind == 1 && depth < 4) {
      out += '[';
      for (std::size_t left = random_() % 4; left > 0; --left) {
        value(out, depth + 1);
        if (left > 1) out += ',';
      }
      out += ']';
    } else if (kind < 5) {
      string(out);
    } else {
      out += one_of({"0", "-0", "17", "-1", "1.5", "1e3", "1e400", "18446744073709551615",
                     "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "true",
                     "false", "null", "1795000000000000000"});
    }
  }
  void object(std::string& out, int depth) {
    out += '{';
    for (std::size_t left = random_() % 6; left > 0; --left) {
      string(out);
      out += one_of({":", ":", ": ", " :\t"});
      value(out, depth);
      if (left > 1) out += one_of({",", ", ", "\n,"});
    }
    out += '}';
  }

  std::mt19937 random_{26};
};

TEST(JsonReader, SaysOfRandomLinesWhatTheOtherSays) {
  Lines lines;
  std::size_t taken = 0, refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string text = lines.next();
    ASSERT_TRUE(agree_on(text, kDepth)) << text;
    ++(json_of_other(text, kDepth) ? taken : refused);
  }
  EXPECT_GT(taken, 10'000U);
  EXPECT_GT(refused, 10'000U);
}

// Any part of a text is read without looking beyond it.
TEST(JsonReader, TakesNoBeginningForAWhole) {
  const std::string text =
      R"({"v":1,"seq":-5.5e1,"op":"p\u0075t\ud83d\ude00","row":{"a":[true,null],"b":"é😀"}})";
  ASSERT_TRUE(agree_on(text, kDepth));
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::vector<char> part(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(whole({part.data(), part.size()})) << size;
  }
}

}  // namespace
}  // namespace mxw
