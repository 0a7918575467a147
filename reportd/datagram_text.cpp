#include "reportd/datagram_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"
#include "core/mail/name.hpp"

namespace mxw::reportd {
namespace {

enum class Letter : std::uint8_t { other, plain, upper, hyphen, dot, digit };

constexpr std::array<Letter, 256> letters() {
  std::array<Letter, 256> out{};
  for (int c = 'a'; c <= 'z'; ++c) out[static_cast<std::size_t>(c)] = Letter::plain;
  for (int c = 'A'; c <= 'Z'; ++c) out[static_cast<std::size_t>(c)] = Letter::upper;
  for (int c = '0'; c <= '9'; ++c) out[static_cast<std::size_t>(c)] = Letter::digit;
  out['_'] = Letter::plain;
  out['-'] = Letter::hyphen;
  out['.'] = Letter::dot;
  return out;
}
constexpr auto kLetters = letters();

// Whether `text` is a name as core/mail/name.hpp has it, in lower case: the usual case, decided
// without a copy. False says nothing.
bool is_canonical(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0, digits = 0;
  char before = '.';
  for (const char c : text) {
    switch (kLetters[static_cast<unsigned char>(c)]) {
      case Letter::digit:
        ++digits;
        break;
      case Letter::plain:
        break;
      case Letter::hyphen:
        if (label == 0) return false;
        break;
      case Letter::dot:
        if (label == 0 || before == '-') return false;
        label = digits = 0;
        before = c;
        continue;
      default:
        return false;
    }
    if (++label > 63) return false;
    before = c;
  }
  return label != 0 && before != '-' && digits != label;
}

bool is_plain(char c) {
  return c >= ' ' && c < 0x7f;
}

bool may_hold_address(std::string_view text) {
  return text.find('@') != std::string_view::npos || text.find("%40") != std::string_view::npos;
}

// Words with an address of `text`, masked in place; the new size.
std::size_t mask_words(std::string& text) {
  if (text.find('"') != std::string::npos) {
    text.assign(1, '*');
    return 1;
  }
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find(' ', from), text.size());
    const std::string_view word = std::string_view(text).substr(from, end - from);
    if (may_hold_address(word)) {
      text[to++] = '*';
    } else {
      std::copy(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(to));
      to += word.size();
    }
    if (end < text.size()) text[to++] = ' ';
    from = end + 1;
  }
  text.resize(to);
  return to;
}

}  // namespace

std::optional<std::string_view> canonical_name(std::string_view text, std::string& buffer) {
  if (is_canonical(text)) return text;
  auto name = mail::DnsName::parse(text);
  if (!name) return std::nullopt;
  buffer = name->text();
  return buffer;
}

std::optional<std::string_view> canonical_pattern(std::string_view text, std::string& buffer) {
  if (!text.starts_with("*.")) return canonical_name(text, buffer);
  const auto name = canonical_name(text.substr(2), buffer);
  if (!name) return std::nullopt;
  if (name->data() == text.data() + 2) return text;
  buffer.insert(0, "*.");
  return buffer;
}

std::optional<std::string_view> ehlo_name(std::string_view reply, std::string& buffer) {
  if (reply.starts_with("250-") || reply.starts_with("250 ")) reply.remove_prefix(4);
  const std::string_view word = reply.substr(0, reply.find_first_of(" \t\r\n"));
  if (!word.starts_with('[') || !word.ends_with(']')) return canonical_name(word, buffer);
  std::string_view address = word.substr(1, word.size() - 2);
  if (ascii::istarts_with(address, "IPv6:")) address.remove_prefix(5);
  const auto parsed = address.size() <= 45 ? IpAddress::parse(address) : std::nullopt;
  if (!parsed) return std::nullopt;
  buffer = (parsed->v4() ? "[" : "[IPv6:") + parsed->text() + "]";
  return buffer;
}

std::string_view clean_text(std::string_view text, std::size_t most, std::string& buffer) {
  const bool plain = std::ranges::all_of(text, is_plain);
  if (plain && text.size() <= most && !may_hold_address(text)) return text;
  buffer.clear();
  while (!text.empty()) {
    const std::size_t length = utf8::sequence_length(text);
    const bool control = length == 1 && !is_plain(text.front());
    const bool c1 = length == 2 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0 || control || c1)
      buffer += '?';
    else
      buffer += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  if (may_hold_address(buffer)) mask_words(buffer);
  if (buffer.size() <= most) return buffer;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(buffer[end]) & 0xc0U) == 0x80U) --end;
  buffer.resize(end);
  return buffer;
}

int line_rank(std::string_view line) {
  constexpr std::array<std::string_view, 4> kOrder = {"version:", "mode:", "mx:", "max_age:"};
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    if (line.starts_with(kOrder[i])) return static_cast<int>(i);
  }
  return static_cast<int>(kOrder.size());
}

IpAddress address_or_none(std::string_view text) {
  if (text.empty() || text.size() > 45) return {};  // INET6_ADDRSTRLEN less its NUL
  return IpAddress::parse(text).value_or(IpAddress{});
}

}  // namespace mxw::reportd
