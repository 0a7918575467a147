// A message as DKIM sees it: header fields, body, and their canonical forms (RFC 6376 section 3.4).
// Views into the caller's octets; pure functions, total on any octets.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/digest.hpp"

namespace mxw::dkim {

// Of the whole message: a report is at most 10 MiB gzipped (RFC 8460 section 5.2), a third more in
// base64. Mail servers take headers of 100 KiB (Postfix's header_size_limit) for one field.
inline constexpr std::size_t kMessageBytes = 32 << 20;
inline constexpr std::size_t kHeaderFields = 1'000;
inline constexpr std::size_t kHeaderBytes = 1 << 20;

enum class Form : unsigned char { simple, relaxed };

struct Field {
  std::string_view name;  // without blanks before the colon
  std::string_view raw;   // all of it with the final CRLF (absent at the end of a cut message)
};

struct Message {
  std::vector<Field> fields;
  std::string_view body;
};

// Lines that belong to no field are left out. Nothing beyond the limits above: false.
[[nodiscard]] bool split(std::string_view message, Message& out);

// The octets that are hashed, with the final CRLF.
[[nodiscard]] std::string canonical_field(std::string_view raw, Form form);

// SHA-256 of the canonical body; of its first `length` octets where that is not npos. `size` gets
// how many octets the canonical body has.
[[nodiscard]] Sha256 body_hash(std::string_view body, Form form,
                               std::size_t length = std::string_view::npos,
                               std::size_t* size = nullptr);

// The fields h= names, each name taken from the bottom up (section 5.4.2); null for one that is not
// there.
[[nodiscard]] std::vector<const Field*> select(const Message& message,
                                               const std::vector<std::string>& names);

}  // namespace mxw::dkim
