#include "cli/wrap.hpp"

#include <algorithm>

#include "core/base/utf8.hpp"

namespace mxw::cli {

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string wrapped(std::string first, std::string_view text, std::size_t indent) {
  std::string out, line = std::move(first);
  bool fresh = true;  // nothing of the text in the line yet
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    if (!fresh && columns(line) + 1 + columns(word) > kLineCharacters) {
      out += line + '\n';
      line.assign(indent, ' ');
      fresh = true;
    }
    if (!fresh) line += ' ';
    line += word;
    fresh = false;
  }
  return out + line + '\n';
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = utf8::sequence_length(text);
    const auto octet = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const bool control = n == 0 || octet(0) < 0x20 || octet(0) == 0x7f ||
                         (n == 2 && octet(0) == 0xc2 && octet(1) < 0xa0);
    if (control)
      out += '?';
    else
      out += text.substr(0, n);
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

}  // namespace mxw::cli
