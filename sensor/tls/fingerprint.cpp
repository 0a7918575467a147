#include "sensor/tls/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <vector>

#include "core/base/ascii.hpp"
#include "core/base/digest.hpp"

namespace mxw::tls {
namespace {

using Values = std::vector<std::uint16_t>;

Values without_grease(const Values& values) {
  Values out;
  std::ranges::remove_copy_if(values, std::back_inserter(out), is_grease);
  return out;
}

template <typename Range>
std::string decimal_list(const Range& values) {
  std::string out;
  for (const unsigned value : values) {
    if (!out.empty()) out += '-';
    out += std::to_string(value);
  }
  return out;
}

std::string hex_list(const Values& values) {
  std::string out;
  for (const std::uint16_t value : values) {
    if (!out.empty()) out += ',';
    const std::array<std::uint8_t, 2> octets = {static_cast<std::uint8_t>(value >> 8),
                                                static_cast<std::uint8_t>(value & 0xff)};
    out += hex(octets);
  }
  return out;
}

std::string_view ja4_version(const ClientHello& hello) {
  const Values offered = without_grease(hello.versions);
  const std::uint16_t version =
      hello.has_extension(extension::kSupportedVersions) && !offered.empty()
          ? std::ranges::max(offered)
          : hello.legacy_version;
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

std::string two_digits(std::size_t count) {
  std::string out = std::to_string(std::min<std::size_t>(count, 99));
  return out.size() < 2 ? "0" + out : out;
}

// First and last character of the first protocol; of its hex form when either is not alphanumeric.
std::string ja4_alpn(const ClientHello& hello) {
  if (hello.alpns.empty() || hello.alpns.front().empty()) return "00";
  const std::string& first = hello.alpns.front();
  if (ascii::is_alnum(first.front()) && ascii::is_alnum(first.back())) {
    return {first.front(), first.back()};
  }
  const std::string digits = ascii::hex(first);
  return {digits.front(), digits.back()};
}

std::string short_hash(std::string_view text) {
  return text.empty() ? "000000000000" : hex(sha256(as_bytes(text))).substr(0, 12);
}

std::string ja4_extensions(const Values& extensions, const Values& signature_algorithms) {
  Values listed;
  std::ranges::copy_if(extensions, std::back_inserter(listed), [](std::uint16_t type) {
    return type != extension::kServerName && type != extension::kAlpn;
  });
  std::ranges::sort(listed);
  std::string text = hex_list(listed);
  if (!text.empty() && !signature_algorithms.empty()) text += '_' + hex_list(signature_algorithms);
  return text;
}

}  // namespace

std::string ja3_string(const ClientHello& hello) {
  return std::to_string(hello.legacy_version) + ',' + decimal_list(without_grease(hello.suites)) +
         ',' + decimal_list(without_grease(hello.extensions)) + ',' +
         decimal_list(without_grease(hello.groups)) + ',' + decimal_list(hello.point_formats);
}

std::string ja3s_string(const ServerHello& hello) {
  return std::to_string(hello.legacy_version) + ',' + std::to_string(hello.suite) + ',' +
         decimal_list(without_grease(hello.extensions));
}

std::string ja3_hash(std::string_view text) {
  return hex(md5(as_bytes(text)));
}

std::string ja4(const ClientHello& hello) {
  Values suites = without_grease(hello.suites);
  const Values extensions = without_grease(hello.extensions);
  std::string out = "t";
  out += ja4_version(hello);
  out += hello.has_extension(extension::kServerName) ? 'd' : 'i';
  out += two_digits(suites.size()) + two_digits(extensions.size()) + ja4_alpn(hello);
  std::ranges::sort(suites);
  out += '_' + short_hash(hex_list(suites));
  const Values algorithms = without_grease(hello.signature_algorithms);
  return out + '_' + short_hash(ja4_extensions(extensions, algorithms));
}

}  // namespace mxw::tls
