#include "core/mail/name.hpp"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"

namespace mxw::mail {
namespace {

constexpr std::size_t kLabelBytes = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t kNameBytes = 253;  // 255 on the wire, without the first length and the root
constexpr std::size_t kUnicodeNameBytes =
    4 * kNameBytes;  // no U-label form of a legal name is longer

enum class Underscore : bool { refused, allowed };

bool is_label(std::string_view label, Underscore underscore) {
  if (label.empty() || label.size() > kLabelBytes) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [&](char c) {
    return ascii::is_alnum(c) || c == '-' || (c == '_' && underscore == Underscore::allowed);
  });
}

bool is_name(std::string_view name, Underscore underscore) {
  if (name.empty() || name.size() > kNameBytes) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_label(label, underscore)) return false;
    if (dot == std::string_view::npos)
      return !std::all_of(label.begin(), label.end(), ascii::is_digit);  // that is an address
    name.remove_prefix(dot + 1);
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A-labels of a name that holds U-labels. Nontransitional mapping (UTS 46) first folds case, as a
// user agent would have done: what senders put on the wire is not yet IDNA2008 proper.
std::optional<std::string> to_a_labels(std::string_view text) {
  if (text.find('\0') != std::string_view::npos || !utf8::valid(text)) return std::nullopt;
  char* converted = nullptr;
  const int status = idn2_to_ascii_8z(std::string(text).c_str(), &converted,
                                      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> owned(converted, &idn2_free);
  if (status != IDN2_OK || owned == nullptr) return std::nullopt;
  return std::string(owned.get());
}

std::optional<std::string> parse_name(std::string_view text, Underscore underscore) {
  if (text.size() > kUnicodeNameBytes) return std::nullopt;
  std::string name;
  if (is_ascii(text)) {
    name = ascii::to_lower(text);
  } else {
    const auto converted = to_a_labels(text);
    if (!converted) return std::nullopt;
    name = ascii::to_lower(*converted);
  }
  if (name.ends_with('.')) name.pop_back();
  if (!is_name(name, underscore)) return std::nullopt;
  return name;
}

}  // namespace

std::optional<HostName> HostName::parse(std::string_view text) {
  auto name = parse_name(text, Underscore::refused);
  if (!name) return std::nullopt;
  return HostName(std::move(*name));
}

std::optional<DnsName> DnsName::parse(std::string_view text) {
  auto name = parse_name(text, Underscore::allowed);
  if (!name) return std::nullopt;
  return DnsName(std::move(*name));
}

}  // namespace mxw::mail
