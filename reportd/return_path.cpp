#include "reportd/return_path.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kTokenOctets = 10;  // of the HMAC: 80 bits against guessing

std::string token_for(const std::vector<std::uint8_t>& key, std::string_view address) {
  const Sha256 mac = hmac_sha256(key, as_bytes("return-path\n" + ascii::to_lower(address)));
  return hex(Bytes(mac).first(kTokenOctets));
}

bool is_hex(char c) {
  return ascii::is_digit(c) || (c >= 'a' && c <= 'f');
}

}  // namespace

std::string ReturnPath::sender(std::string_view address) const {
  return config_.prefix + '+' + token_for(config_.key, address) + '@' + config_.domain;
}

std::optional<std::string> ReturnPath::token(std::string_view mailbox) const {
  const std::string lower = ascii::to_lower(mailbox);
  const std::string begin = ascii::to_lower(config_.prefix) + '+';
  const std::string end = '@' + ascii::to_lower(config_.domain);
  if (lower.size() != begin.size() + 2 * kTokenOctets + end.size() || !lower.starts_with(begin) ||
      !lower.ends_with(end))
    return std::nullopt;
  std::string token = lower.substr(begin.size(), 2 * kTokenOctets);
  if (!std::ranges::all_of(token, is_hex)) return std::nullopt;
  return token;
}

bool ReturnPath::valid(std::string_view token, std::string_view address) const {
  return token == token_for(config_.key, address);
}

}  // namespace mxw::reportd
