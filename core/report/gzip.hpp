// gzip (RFC 1952) as reports need it: one member, nothing behind it, output bounded. Pure,
// thread-safe.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/report/deviation.hpp"

namespace mxw::report {

// The same octets for the same text: no time, no name, no operating system in the header.
[[nodiscard]] std::string gzip(std::string_view text);

[[nodiscard]] bool is_gzip(std::string_view octets);  // by the magic number

// At most kInflatedBytes, and beyond kInflateFree at most kInflateRatio times the input; nothing
// larger is ever in memory. Refusals: `bomb`, `second-member`, `trailing-bytes`, `gzip-damaged`.
// Name and comment in the header are ignored.
[[nodiscard]] std::expected<std::string, Refusal> gunzip(std::string_view octets);

}  // namespace mxw::report
