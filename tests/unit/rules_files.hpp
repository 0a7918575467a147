// A rule directory of a test, made in the temporary directory and removed with the value.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "core/rules/loader.hpp"

namespace mxw::rules {

// A rule that loads, to be spoiled one line at a time.
inline constexpr std::string_view kGoodRule = R"(id = "R01"
schema = 1
title = "A rule"
scope = "session"
at = "greeting"
role = ["outbound", "unknown"]
severity = "high"
confidence = "medium"
rev = 3
category = "Test"
created = 2026-11-21
allow_unknown = ["capture.cut"]

[[case]]
when = [
  ["ehlo.starttls", "==", "absent"],
  ["base.mx.sessions", ">=", "$min_sessions"],
]
any = [["session.port", "in", [25, 587]], ["ehlo.keywords", "lacks", "SIZE"]]
unless = [["capture.gap", "==", true], ["capture.cut", "==", true]]
severity = "critical"
reason = "first"
tlsrpt = { result = "validation-failure", reason = "why" }

[[case]]
at = "mail"
when = [["base.mx.starttls_rate", "<", 0.5], ["cert.not_after", "<", 2026-11-21T00:00:00Z]]

[params]
min_sessions = 20

[exempt]
client = ["192.0.2.0/24", { value = "2001:db8::1", until = "2027-03-01", reason = "probe", by = "ops" }]
mx = ["*.example.net", { value = "mx.example.org", until = 2026-01-01T00:00:00Z }]
policy_domain = ["example.com"]
issuer_spki = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]

[throttle]
key = ["client.ip", "mx.ip"]
window = "1h"
max = 2

[actions]
base = ["log", "alert"]
protected = ["log", "tag", "defer"]

[tlsrpt]
result = "starttls-not-supported"

[doc]
refs = ["RFC3207#6"]
fp = ["F2", "F1b"]
not_excluded = ["Something else."]
next = "Do something."
)";

class RuleFiles {
 public:
  RuleFiles() {
    static int counter = 0;
    dir_ = std::filesystem::path(testing::TempDir()) /
           ("mxw_rules_" + std::to_string(getpid()) + "_" + std::to_string(counter++));
    std::filesystem::create_directories(dir_);
  }
  ~RuleFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  RuleFiles(const RuleFiles&) = delete;
  RuleFiles& operator=(const RuleFiles&) = delete;

  RuleFiles& write(const std::string& name, std::string_view text) {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return *this;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (dir_ / name).string(); }
  [[nodiscard]] Result<RuleSet> load() const { return rules::load(dir_.string(), std::nullopt); }
  [[nodiscard]] Result<RuleSet> load_with(const std::string& overrides) const {
    return rules::load(dir_.string(), path(overrides));
  }

 private:
  std::filesystem::path dir_;
};

// kGoodRule with `from` replaced by `to`.
inline std::string edited(std::string_view from, std::string_view to) {
  std::string text(kGoodRule);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The line of `needle` in `text`, from 1.
inline std::size_t line_of(std::string_view text, std::string_view needle) {
  const std::string_view before = text.substr(0, text.find(needle));
  return 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
}

}  // namespace mxw::rules
