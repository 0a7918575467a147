// Envelope senders of report mail: `PREFIX+TOKEN@DOMAIN`, where the token is an HMAC of the address
// the mail goes to. Who bounces can only speak about the address it was given the token of
// (semantics 8). Values; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"

namespace mxw::reportd {

struct ReturnPathConfig {
  std::string prefix = "tlsrpt-bounce";  // letters, digits, hyphens, at most 40
  std::string domain;                    // the contact domain, an A-label
  std::vector<std::uint8_t> key;         // secret; the same after every restart
};

class ReturnPath {
 public:
  explicit ReturnPath(ReturnPathConfig config) : config_(std::move(config)) {}

  // `address` is a rua mailbox; upper and lower case are the same.
  [[nodiscard]] std::string sender(std::string_view address) const;
  // The token of a mailbox that is one of ours by prefix and domain.
  [[nodiscard]] std::optional<std::string> token(std::string_view mailbox) const;
  [[nodiscard]] bool valid(std::string_view token, std::string_view address) const;

 private:
  ReturnPathConfig config_;
};

}  // namespace mxw::reportd
