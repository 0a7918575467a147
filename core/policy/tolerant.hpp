// What lenient senders make of a record or policy that is invalid (semantics 11). For showing to
// people beside the strict verdict, NEVER to enforce: senders differ in what they forgive. Also
// accepted: blanks at either end of a TXT, empty fields (`;;`), blank or indented policy lines,
// U-labels in `mx`. (`v=STSv1 ;` is valid anyway: erratum 6285.) Pure functions, thread-safe,
// results own their text.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/mta_sts.hpp"

namespace mxw::policy {

template <typename T>
struct Tolerant {
  T value;
  std::vector<std::string> forgiven;  // `line 3: indented`; empty: the strict reader takes it too
};

[[nodiscard]] std::expected<Tolerant<StsRecord>, Invalid> parse_sts_record_tolerant(
    std::string_view txt);
// As select_sts_record.
[[nodiscard]] std::expected<Tolerant<StsRecord>, Invalid> select_sts_record_tolerant(
    const std::vector<std::string>& txts);

// Invalid::line is the line of the body as given. More than kForgiven reasons are counted in the
// last of them.
inline constexpr std::size_t kForgiven = 16;
[[nodiscard]] std::expected<Tolerant<StsPolicy>, Invalid> parse_sts_policy_tolerant(
    std::string_view body);

}  // namespace mxw::policy
