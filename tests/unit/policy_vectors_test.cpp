// The shared vectors, column `mxwarden`: every row of the kinds that core/mail and core/policy
// answer for is compared, and the rows are counted so that none can fall out unseen. The directory
// with mta-sts.tsv is named by the environment variable MXWARDEN_VECTORS.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "core/mail/name.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/policy/tlsrpt_record.hpp"

namespace mxw::policy {
namespace {

// The text before ` (` is compared; what stands behind it is checked against the warnings.
struct Expected {
  std::string text, remark;
};

Expected split_remark(const std::string& column) {
  const std::size_t at = column.find(" (");
  if (at == std::string::npos) return {column, ""};
  return {column.substr(0, at), column.substr(at + 2, column.size() - at - 3)};
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case 'x':
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

void compare_txt(const std::string& input, const Expected& expected) {
  const auto record = parse_sts_record(unescape(input));
  EXPECT_EQ(record ? "valid id=" + record->id : "invalid:" + record.error().reason, expected.text);
}

// `["a","b" + "c"]`: texts in quotes, `+` joins the strings of one record.
std::vector<std::string> records_of(std::string_view input) {
  std::vector<std::string> records;
  bool join = false;
  while (input.starts_with('[') || input.starts_with(',') || input.starts_with(" + ")) {
    join = input.starts_with(" + ");
    input.remove_prefix(join ? 4 : 2);  // with the opening quote
    const std::string text(input.substr(0, input.find('"')));
    input.remove_prefix(text.size() + 1);
    if (join)
      records.back() += text;
    else
      records.push_back(text);
  }
  EXPECT_TRUE(input.starts_with(']')) << input;
  return records;
}

// Rows without an answer: the lookup failed, and there is no record to judge. What holds then is
// the engine's to say: engine_cache_test.cpp.
bool is_dns_failure(const std::string& input) {
  return input.contains("SERVFAIL") || input.contains("timeout");
}

void compare_txtset(const std::string& input, const Expected& expected) {
  const auto record = select_sts_record(records_of(input));
  EXPECT_EQ(record ? "valid id=" + record->id : record.error().reason, expected.text);
}

std::string policy_text(const StsPolicy& policy) {
  std::string text = "valid mode=" + std::string(mode_name(policy.mode)) +
                     " max_age=" + std::to_string(policy.max_age) + " mx=";
  for (std::size_t i = 0; i < policy.mx.size(); ++i) text += (i == 0 ? "" : ",") + policy.mx[i];
  return policy.mx.empty() ? text + '-' : text;
}

bool warns(const StsPolicy& policy, std::string_view word) {
  return std::any_of(policy.warnings.begin(), policy.warnings.end(),
                     [&](const std::string& w) { return w.find(word) != std::string::npos; });
}

void compare_policy(const std::string& input, const Expected& expected) {
  const auto policy = parse_sts_policy(unescape(input));
  if (!policy && expected.text == "invalid") {
    EXPECT_EQ(policy.error().reason, expected.remark);
    return;
  }
  EXPECT_EQ(policy ? policy_text(*policy) : "invalid:" + policy.error().reason, expected.text);
  if (!policy) return;
  EXPECT_EQ(warns(*policy, "capped"), expected.remark == "capped");
  EXPECT_EQ(warns(*policy, "address ignored"), expected.remark == "address ignored, warning");
}

void compare_match(const std::string& input, const Expected& expected) {
  const std::size_t arrow = input.find(" <- ");
  ASSERT_NE(arrow, std::string::npos);
  std::vector<std::string> patterns;
  std::string_view list = std::string_view(input).substr(0, arrow);
  while (true) {
    const std::size_t bar = list.find('|');
    patterns.emplace_back(list.substr(0, bar));
    if (bar == std::string_view::npos) break;
    list.remove_prefix(bar + 1);
  }
  EXPECT_EQ(mx_matches(patterns, input.substr(arrow + 4)) ? "match" : "no-match", expected.text);
}

void compare_dnsname(const std::string& input, const Expected& expected) {
  EXPECT_EQ(mail::HostName::parse(input) ? "valid" : "invalid", expected.text);
}

void compare_tlsrpt(const std::string& input, const Expected& expected) {
  const auto record = parse_tlsrpt_record(input);
  ASSERT_TRUE(record) << record.error().reason;
  if (expected.text == "two destinations") {
    EXPECT_EQ(record->rua.size(), 2U);
    return;
  }
  ASSERT_EQ(record->rua.size(), 1U);
  EXPECT_EQ(record->rua[0].scheme, TlsrptUri::Scheme::mailto);
  EXPECT_EQ(expected.text, "mailto");
}

std::vector<std::string> columns_of(std::string_view line) {
  std::vector<std::string> columns;
  while (true) {
    const std::size_t tab = line.find('\t');
    columns.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return columns;
    line.remove_prefix(tab + 1);
  }
}

TEST(Vectors, EveryRowOfOursIsCompared) {
  const char* dir = std::getenv("MXWARDEN_VECTORS");
  if (dir == nullptr) {
    std::cout << "vectors absent: not compared\n";
    GTEST_SKIP();
  }
  std::ifstream file(std::string(dir) + "/mta-sts.tsv");
  ASSERT_TRUE(file) << dir;

  using Compare = void (*)(const std::string&, const Expected&);
  const std::map<std::string, Compare> kinds = {
      {"txt", compare_txt},     {"txtset", compare_txtset},   {"policy", compare_policy},
      {"match", compare_match}, {"dnsname", compare_dnsname}, {"tlsrpt-txt", compare_tlsrpt}};
  std::map<std::string, int> compared;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto columns = columns_of(line);
    const auto kind = kinds.find(columns.at(0));
    if (kind == kinds.end() || (kind->first == "txtset" && is_dns_failure(columns.at(1))))
      continue;  // media, fetch, socketmap, netstring, cache, dane: elsewhere
    SCOPED_TRACE("line " + std::to_string(number) + ": " + columns.at(1));
    kind->second(columns.at(1), split_remark(columns.at(3)));
    ++compared[kind->first];
  }
  const std::map<std::string, int> all = {{"txt", 35},   {"txtset", 8},  {"policy", 63},
                                          {"match", 27}, {"dnsname", 8}, {"tlsrpt-txt", 2}};
  EXPECT_EQ(compared, all);
}

}  // namespace
}  // namespace mxw::policy
