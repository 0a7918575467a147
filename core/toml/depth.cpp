#include "core/toml/depth.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace mxw::toml {
namespace {

// The octets of the string at the start of `text`, its quotes included; an open one ends where
// toml++ gives up: a single-line string with its line, another with the text.
std::size_t string_length(std::string_view text) {
  const char quote = text[0];
  const bool escapes = quote == '"';
  const std::string triple(3, quote);
  const bool lines = text.starts_with(triple);
  std::size_t at = lines ? 3 : 1;
  while (at < text.size()) {
    if (escapes && text[at] == '\\') {
      at += 2;
    } else if (!lines && text[at] == '\n') {
      return at;
    } else if (!lines && text[at] == quote) {
      return at + 1;
    } else if (lines && text.substr(at).starts_with(triple)) {
      at += 3;
      // `"""""`: up to two quotes before the closing three belong to the string.
      for (int i = 0; i < 2 && at < text.size() && text[at] == quote; ++i) ++at;
      return at;
    } else {
      ++at;
    }
  }
  return text.size();
}

class Levels {
 public:
  // Takes one octet that stands outside of strings and comments; the depth there.
  std::size_t take(char c) {
    switch (c) {
      case '.':
        ++dots_;
        break;
      case '[':
      case '{':
        open_.push_back(depth() + 1);
        dots_ = 0;
        break;
      case ']':
      case '}':
        if (!open_.empty()) open_.pop_back();
        dots_ = 0;
        break;
      case ',':
      case '\n':
        dots_ = 0;
        break;
      default:
        break;
    }
    return depth();
  }

 private:
  [[nodiscard]] std::size_t depth() const { return (open_.empty() ? 0 : open_.back()) + dots_; }

  std::vector<std::size_t> open_;  // the depth within each open bracket
  std::size_t dots_ = 0;           // of the key being read, or whose value is
};

}  // namespace

std::optional<At> nested_deeper_than(std::size_t limit, std::string_view text) {
  Levels levels;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at += string_length(text.substr(at));
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      if (levels.take(c) > limit) {
        const std::string_view before = text.substr(0, at);
        const std::size_t line = before.rfind('\n');
        return At{static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
                  at - (line == std::string_view::npos ? 0 : line + 1) + 1};
      }
      ++at;
    }
  }
  return std::nullopt;
}

}  // namespace mxw::toml
