// Text from outside in what is recorded or told.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mxw::milter {

inline constexpr std::size_t kWordBytes = 64;     // of a macro that is recorded
inline constexpr std::size_t kDomainBytes = 255;  // RFC 5321 section 4.5.3.1.2

// The printable ASCII of it, at most `most` octets.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

}  // namespace mxw::milter
