// Redactor: the one place where local parts of mail addresses leave free text.
//
// Evidence is redacted when it is built, not when it is printed: what is not kept cannot leak. Free
// text is any banner, reply, EHLO argument, certificate name or record: server replies carry
// addresses too. The redacted form is `<*@example.net>`; with --privacy hash
// `<7f3a..@example.net>`, 16 hex digits of an HMAC-SHA-256 under the operator's key, so equal
// addresses stay equal. Thread-safe once made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mxw {

enum class Privacy : std::uint8_t { domain, hash, full };

class Redactor {
 public:
  Redactor() = default;  // Privacy::domain
  // REQUIRES: key is not empty when mode is hash.
  Redactor(Privacy mode, std::string key);

  [[nodiscard]] Privacy mode() const { return mode_; }

  // A whole address as local part and domain: `<*@domain>`, or `<>` when both are empty.
  [[nodiscard]] std::string address(std::string_view local, std::string_view domain) const;

  // Free text with every `local@domain` in it redacted, quoted local parts included.
  [[nodiscard]] std::string text(std::string_view free_text) const;

 private:
  [[nodiscard]] std::string substitute(std::string_view local, std::string_view domain) const;

  Privacy mode_ = Privacy::domain;
  std::string key_;
};

}  // namespace mxw
