// Reports of others in words a postmaster understands. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::cli {

// Rows of reportd's answer to `inbox`, as JSON texts.
struct Inbox {
  std::uint64_t quarantined = 0;
  bool cut = false;  // there are more days
  std::vector<std::string> days, causes, reporters;
};

[[nodiscard]] std::string inbox_text(const Inbox& inbox);
[[nodiscard]] std::string inbox_json(const Inbox& inbox);

// What a result type (RFC 8460 section 4.3) means for the domain reported on, and what to look at.
[[nodiscard]] std::string_view result_meaning(std::string_view result_type);

}  // namespace mxw::cli
