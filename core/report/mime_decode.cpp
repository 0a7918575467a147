#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/report/mime.hpp"

namespace mxw::report {
namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

int hex_digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char low = ascii::lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

Decoded decode_base64(std::string_view body) {
  Decoded out;
  out.octets.reserve(body.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned digits = 0;
  bool padded = false;
  for (const char c : body) {
    if (is_space(c)) continue;
    const int digit = base64_digit(c);
    if (digit < 0 || padded) {
      out.clean = out.clean && c == '=';
      padded = padded || c == '=';
      continue;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (++digits % 4 == 0)
      for (const unsigned shift : {16U, 8U, 0U})
        out.octets += static_cast<char>(bits >> shift & 0xffU);
  }
  const unsigned left = digits % 4;
  if (left == 1) out.clean = false;
  if (left >= 2) out.octets += static_cast<char>(bits >> (left == 2 ? 4U : 10U) & 0xffU);
  if (left == 3) out.octets += static_cast<char>(bits >> 2U & 0xffU);
  return out;
}

// A line without its end. True: the line break belongs to the text.
bool decode_line(std::string_view line, Decoded& out) {
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '=') {
      out.octets += line[at];
      continue;
    }
    if (at + 1 == line.size()) return false;
    const int high = hex_digit(line[at + 1]);
    const int low = at + 2 < line.size() ? hex_digit(line[at + 2]) : -1;
    if (high < 0 || low < 0) {
      out.clean = false;
      out.octets += '=';
      continue;
    }
    out.octets += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return true;
}

Decoded decode_quoted_printable(std::string_view body) {
  Decoded out;
  out.octets.reserve(body.size());
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const bool whole = decode_line(body.substr(0, end), out);
    if (end == std::string_view::npos) break;
    if (whole) out.octets += '\n';
    body.remove_prefix(end + 1);
  }
  return out;
}

// Comments and quoted strings of a header field out, with a letter for what was quoted.
std::string without_text(std::string_view value) {
  std::string out;
  int comments = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (c == '\\' && (quoted || comments > 0)) {
      ++at;
    } else if (c == '"' && comments == 0) {
      if (!quoted) out += 'q';
      quoted = !quoted;
    } else if (!quoted && c == '(') {
      ++comments;
    } else if (!quoted && c == ')' && comments > 0) {
      --comments;
    } else if (!quoted && comments == 0) {
      out += c;
    }
  }
  return out;
}

}  // namespace

Decoded decode(std::string_view body, std::string_view encoding) {
  if (encoding == "base64") return decode_base64(body);
  if (encoding == "quoted-printable") return decode_quoted_printable(body);
  return {std::string(body), true};
}

std::string domain_of_from(std::string_view value) {
  const std::string bare = without_text(value);
  std::string_view address = ascii::trim(bare);
  if (address.find_first_of(",;:") != std::string_view::npos) return {};
  const std::size_t open = address.find('<');
  if (open != std::string_view::npos) {
    const std::size_t close = address.find('>', open);
    if (close != address.size() - 1 || address.find('<', open + 1) != std::string_view::npos)
      return {};
    address = address.substr(open + 1, close - open - 1);
  }
  const std::size_t at = address.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == address.size()) return {};
  const std::string_view domain = address.substr(at + 1);
  return domain.find_first_of("@<> \t") == std::string_view::npos ? ascii::to_lower(domain) : "";
}

}  // namespace mxw::report
