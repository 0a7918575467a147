// CheckReport: CheckFacts judged. Pure: facts in, report out; printed as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "cli/check_facts.hpp"
#include "cli/sts_json.hpp"
#include "core/policy/dane.hpp"

namespace mxw::cli {

enum class Grade : std::uint8_t {
  good,
  note,     // worth knowing, nothing to do
  unknown,  // could not be found out
  bad,      // `advice` says what to do
};
[[nodiscard]] const char* grade_name(Grade grade);

struct Point {
  Grade grade = Grade::good;
  std::string text;    // one sentence without a full stop
  std::string advice;  // what to do; empty: nothing
};

enum class Match : std::uint8_t { yes, no, no_policy };

struct HostReport {
  std::string name;
  std::uint16_t preference = 0;
  Match match = Match::no_policy;
  policy::HostDane dane = policy::HostDane::error;
  std::vector<Point> points;
};

struct CheckReport {
  CheckFacts facts;
  Grade verdict = Grade::unknown;
  std::string sentence;  // the verdict, with a full stop
  RecordVerdicts record;
  PolicyVerdicts policy;  // of what was fetched
  policy::DaneState dane = policy::DaneState::error;
  std::vector<Point> record_points, policy_points, mx_points, tlsrpt_points;
  std::vector<HostReport> hosts;
};

[[nodiscard]] CheckReport judge_check(CheckFacts facts);

// For people: the sentence, then section by section. `colour`: with ANSI escapes.
[[nodiscard]] std::string check_text(const CheckReport& report, bool colour);

// One object with an LF; docs/man/mxwarden.1 lists its members.
[[nodiscard]] std::string check_json(const CheckReport& report);

// 0 good, 1 something is bad, 4 nothing is bad but something could not be found out.
[[nodiscard]] int check_exit(const CheckReport& report);

}  // namespace mxw::cli
