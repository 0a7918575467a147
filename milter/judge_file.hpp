// `mxwarden-milter -t FILE`: what would be done with a message, without a mail server and without a
// running milter: by the settings, the operator's files, and what policyd had told when the milter
// last wrote its cache. Verdicts of the sensor are short-lived and in no file: none are known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/config/config.hpp"

namespace mxw::milter {

inline constexpr std::size_t kJudgedBytes = 1 << 20;  // of the header; Postfix takes 102,400
inline constexpr std::size_t kJudgedRecipients = 100;

struct MessageHeader {
  std::vector<std::pair<std::string, std::string>> fields;  // name, value as after the colon
  std::vector<std::string> recipients;                      // of To and Cc, in their order, once
};
// Total on any octets; lines end with LF or CRLF.
[[nodiscard]] MessageHeader read_header(std::string_view message);

// A report of lines. A connection is judged as the listener's role says, without one as inbound and
// as relay. Error: input (the file), usage (the settings).
[[nodiscard]] Result<std::string> judge_file(const std::string& path, const config::Config& config,
                                             const std::string& cache_path, Time now);

}  // namespace mxw::milter
