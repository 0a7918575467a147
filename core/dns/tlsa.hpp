// TLSA records as octets, and which of them an SMTP client can use (RFC 7672 section 3.1). Pure
// functions, thread-safe; hostile octets are data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/dns/message.hpp"

namespace mxw::dns {

// RFC 6698 section 2.1: three octets and the data; nullopt when not even those three are there.
[[nodiscard]] std::optional<Tlsa> parse_tlsa(Bytes rdata);
[[nodiscard]] std::vector<std::uint8_t> tlsa_rdata(const Tlsa& record);

// DANE-TA(2) or DANE-EE(3), a selector and matching type of RFC 6698, a digest of the right length
// or, with matching type Full(0), exactly one DER SEQUENCE. Usages 0 and 1 are unusable (RFC 7672
// section 3.1.3).
[[nodiscard]] bool is_usable(const Tlsa& record);

// The usable records that count, as places in `records`: digest algorithm agility (RFC 7671
// section 9): of one usage and selector all with Full(0), and of the digests only the strongest.
[[nodiscard]] std::vector<std::size_t> applicable(std::span<const Tlsa> records);

}  // namespace mxw::dns
