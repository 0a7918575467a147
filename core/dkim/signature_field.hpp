// One DKIM-Signature field, read (RFC 6376 sections 3.5 and 6.1.1). Private to core/dkim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dkim/message.hpp"
#include "core/dkim/sign.hpp"

namespace mxw::dkim {

inline constexpr std::size_t kSignedNames = 256;  // in h=; large providers name about 40

struct SignatureField {
  std::string_view reason;  // why it cannot be judged; empty when it can
  std::string domain, selector;
  std::string algorithm_text;  // at most 32 octets
  Algorithm algorithm = Algorithm::rsa_sha256;
  Form header = Form::simple, body = Form::simple;
  std::vector<std::string> names;  // h=
  std::vector<std::uint8_t> body_hash, signature;
  std::optional<std::uint64_t> length;   // l=
  std::optional<std::uint64_t> expires;  // x=, seconds
  bool identity_below = false;           // i= is of a subdomain of d=
  std::string unsigned_raw;              // the field with an empty b=
};

[[nodiscard]] SignatureField read_signature(std::string_view raw);

// What is signed: the fields of h=, then the DKIM-Signature itself without its final CRLF.
[[nodiscard]] std::string signed_octets(const Message& message,
                                        const std::vector<std::string>& names, Form form,
                                        std::string_view unsigned_raw);

}  // namespace mxw::dkim
