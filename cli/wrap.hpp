// Text in lines of at most 80 characters, for help and reports.
#pragma once

#include <string>
#include <string_view>

namespace mxw::cli {

inline constexpr std::size_t kLineCharacters = 80;

// `first` and the words of `text`; further lines begin at column `indent`. With a final LF. Words
// are never broken, so a long one may stand out.
[[nodiscard]] std::string wrapped(std::string first, std::string_view text, std::size_t indent);

// Characters of UTF-8 text, counted as one column each.
[[nodiscard]] std::size_t columns(std::string_view text);

// What is printed of a stranger's text: control characters and invalid octets become `?`.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace mxw::cli
