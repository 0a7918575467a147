// A domain name on the wire (RFC 1035 sections 3.1 and 4.1.4). Every pointer must lead strictly
// before the place the octets now read began at, so no name loops, however it is written (RFC 9267
// section 2); the 255 octets and limits::kDnsCompressionJumps bound the work.
#pragma once

#include <string>

#include "core/base/bytes.hpp"
#include "core/dns/message.hpp"

namespace mxw::dns {

inline constexpr std::size_t kHeaderBytes = 12;  // RFC 1035 section 4.1.1

// Reads the name at offset `at` of the whole message and moves `at` behind it. `name` gets the
// presentation form: lower case, no final dot, "." for the root; `\.` and `\\` inside a label,
// `\DDD` for what is not printable ASCII. After a defect `at` and `name` mean nothing.
[[nodiscard]] Defect read_name(Bytes message, std::size_t& at, std::string& name);

}  // namespace mxw::dns
