// The tolerant reader: what it forgives, that it forgives nothing else, and that it agrees with the
// strict one on what is valid.
#include "core/policy/tolerant.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace mxw::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Row {
  std::string text, id, forgiven;  // of a bad one: `id` is the reason
};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

TEST(Tolerant, RecordsThatAreForgiven) {
  for (const Row& row : {
           Row{"v=STSv1; id=a;", "a", ""},
           {"v=STSv1 \t; id=a", "a", ""},
           {" v=STSv1; id=a", "a", "blanks at either end"},
           {"v=STSv1; id=a; \t", "a", ""},
           {"v=STSv1; id=a  ", "a", "blanks at either end"},
           {"v=STSv1;; id=a", "a", "an empty field"},
           {"v=STSv1; ; ;id=a;;", "a", "an empty field"},
           {"  v=STSv1;id=a ; ; ", "a", "blanks at either end, an empty field"},
       }) {
    const auto record = parse_sts_record_tolerant(row.text);
    ASSERT_TRUE(record) << row.text << ": " << record.error().reason;
    EXPECT_EQ(record->value.id, row.id) << row.text;
    EXPECT_EQ(joined(record->forgiven), row.forgiven) << row.text;
    EXPECT_EQ(parse_sts_record(row.text).has_value(), row.forgiven.empty()) << row.text;
  }
}

TEST(Tolerant, RecordsThatAreNot) {
  for (const Row& row : {
           Row{"", "not-sts", ""},
           {" ", "not-sts", ""},
           {"\nv=STSv1; id=a", "not-sts", ""},
           {"V=STSv1; id=a", "not-sts", ""},
           {";v=STSv1; id=a", "not-sts", ""},
           {"v=STSv1; id=a b", "syntax", ""},
           {"v=STSv1; id = a", "syntax", ""},
           {"v=STSv1; id=a-b", "id", ""},
           {"v=STSv1;;", "syntax", ""},
           {"v=STSv1; x=1", "no-id", ""},
       }) {
    const auto record = parse_sts_record_tolerant(row.text);
    ASSERT_FALSE(record) << row.text;
    EXPECT_EQ(record.error().reason, row.id) << row.text;
  }
}

TEST(Tolerant, OneOfSeveralRecords) {
  const auto one = select_sts_record_tolerant({" spf ", "\tv=STSv1; id=a", ";;"});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->value.id, "a");
  EXPECT_THAT(one->forgiven, ElementsAre("blanks at either end"));
  EXPECT_FALSE(select_sts_record_tolerant({" v=STSv1; id=a", " v=STSv1; id=b"}));
  EXPECT_FALSE(select_sts_record_tolerant({}));
}

constexpr const char* kTail = "mode: enforce\nmx: mx.example.org\nmax_age: 86400\n";

TEST(Tolerant, PoliciesThatAreForgiven) {
  for (const Row& row : {
           Row{"version: STSv1\n" + std::string(kTail), "mx.example.org", ""},
           {"\n \r\nversion: STSv1\n" + std::string(kTail) + "\n\t\n", "mx.example.org",
            "line 1: blank, line 2: blank, line 7: blank, line 8: blank"},
           {"  version: STSv1\r\n\t" + std::string(kTail), "mx.example.org",
            "line 1: indented, line 2: indented"},
           {"version: STSv1\nmode: enforce\nmx:\t*.B\u00fccher.example \nmax_age: 1",
            "*.xn--bcher-kva.example", "line 3: U-labels"},
       }) {
    const auto policy = parse_sts_policy_tolerant(row.text);
    ASSERT_TRUE(policy) << row.text << ": " << policy.error().reason;
    EXPECT_THAT(policy->value.mx, ElementsAre(row.id)) << row.text;
    EXPECT_EQ(joined(policy->forgiven), row.forgiven) << row.text;
    EXPECT_EQ(parse_sts_policy(row.text).has_value(), row.forgiven.empty()) << row.text;
  }
}

TEST(Tolerant, PoliciesThatAreNotSayTheLineAsGiven) {
  struct Bad {
    std::string body, reason;
    std::size_t line;
  };
  for (const Bad& bad : {
           Bad{"", "line ''", 1},
           {"\n\n", "line ''", 1},
           {"\n\nversion: STSv1\n\n mode: often\n", "mode", 5},
           {"\nversion: STSv1\n\nmode: enforce\nmax_age: 1\n\n", "missing mx", 5},
           {"version: STSv1\n\nmx: b\u00fccher..example\n", "mx", 3},
           {"version: STSv1\nmode : none\nmax_age: 1", "line 'mode : none'", 2},
           {"version: STSv1\nMode: none\nmax_age: 1", "missing mode", 3},
           {std::string(65'537, '\n'), "too large", 1},
       }) {
    const auto policy = parse_sts_policy_tolerant(bad.body);
    ASSERT_FALSE(policy) << bad.body;
    EXPECT_EQ(policy.error().reason, bad.reason) << bad.body;
    EXPECT_EQ(policy.error().line, bad.line) << bad.body;
  }
}

TEST(Tolerant, ForgivenLinesAreBounded) {
  const auto policy =
      parse_sts_policy_tolerant(std::string(100, '\n') + "version: STSv1\n" + kTail);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->forgiven.size(), kForgiven);
  EXPECT_EQ(policy->forgiven.back(), "line 16: blank, and 84 more");
}

// What is valid is valid for both and means the same, and forgives nothing.
TEST(Tolerant, AgreesWithTheStrictReaderOnWhatIsValid) {
  std::mt19937 random(8461);  // a fixed seed: the same texts in every run
  const std::string good = "version: STSv1\r\n" + std::string(kTail) + "mx: *.b.test\nnote: a b\n";
  int valid = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string body = good;
    for (unsigned n = random() % 3; n > 0; --n)
      body[random() % body.size()] = " :;.*\n\ra1"[random() % 9];
    const auto strict = parse_sts_policy(body);
    const auto tolerant = parse_sts_policy_tolerant(body);
    if (!strict) continue;
    ++valid;
    ASSERT_TRUE(tolerant) << body;
    EXPECT_EQ(tolerant->value.mx, strict->mx);
    EXPECT_EQ(tolerant->value.max_age, strict->max_age);
    EXPECT_THAT(tolerant->forgiven, IsEmpty()) << body;
  }
  EXPECT_GT(valid, 1'500);
}

}  // namespace
}  // namespace mxw::policy
