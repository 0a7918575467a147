#include "core/base/json_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"

namespace mxw {
namespace {

constexpr std::size_t kEscapeBytes = 6;  // \u0000

// Octets that stand for themselves in a string.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x80; ++c) plain.at(c) = c != '"' && c != '\\';
  return plain;
}();

bool plain(char c) {
  return kPlain[static_cast<unsigned char>(c)];
}

int hex_digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char low = ascii::lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The four digits of `\uXXXX` at the start of text, or -1.
int code_unit(std::string_view text) {
  if (text.size() < kEscapeBytes || text[0] != '\\' || text[1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(2, 4)) {
    const int digit = hex_digit(c);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

struct Escape {
  std::size_t length = 0;  // in the text; 0: it is none
  std::uint32_t point = 0;
};

Escape unicode_escape(std::string_view text) {
  const int first = code_unit(text);
  if (first < 0 || (first >= 0xdc00 && first <= 0xdfff)) return {};
  if (first < 0xd800 || first > 0xdfff) return {kEscapeBytes, static_cast<std::uint32_t>(first)};
  const int second = code_unit(text.substr(kEscapeBytes));
  if (second < 0xdc00 || second > 0xdfff) return {};
  const int point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  return {2 * kEscapeBytes, static_cast<std::uint32_t>(point)};
}

// REQUIRES: text begins with a backslash.
Escape escape(std::string_view text) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  if (text.size() < 2) return {};
  if (text[1] == 'u') return unicode_escape(text);
  const std::size_t letter = kLetters.find(text[1]);
  if (letter == std::string_view::npos) return {};
  return {2, static_cast<unsigned char>(kMeant[letter])};
}

std::size_t utf8_size(std::uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const std::size_t size = utf8_size(point);
  constexpr std::array<std::uint32_t, 5> kLead = {0, 0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead.at(size) | point >> (6 * (size - 1)));
  for (std::size_t left = size - 1; left-- > 0;)
    out += static_cast<char>(0x80 | (point >> (6 * left) & 0x3f));
}

// REQUIRES: a string that was read.
void unescape(std::string_view raw, std::string& out) {
  while (!raw.empty()) {
    const std::size_t run = std::min(raw.find('\\'), raw.size());
    out += raw.substr(0, run);
    raw.remove_prefix(run);
    if (raw.empty()) return;
    const Escape found = escape(raw);
    append_utf8(out, found.point);
    raw.remove_prefix(found.length);
  }
}

// Reads values at a place of the text. All false: it is none, and the place is somewhere in it.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  bool take(char c) {
    if (here() != c || at_end()) return false;
    ++at_;
    return true;
  }
  void blanks() {
    if (here() > ' ') return;
    while (here() == ' ' || here() == '\t' || here() == '\n' || here() == '\r') ++at_;
  }

  bool value(JsonValue& value, std::size_t depth);
  bool string(JsonValue& value);
  // A name with the colon behind it and the blanks around that.
  bool name(JsonValue& name) {
    if (!string(name)) return false;
    blanks();
    if (!take(':')) return false;
    blanks();
    return true;
  }

 private:
  bool nested(JsonValue& value, std::size_t depth);
  bool number(JsonValue& value);
  bool rest_of_real(bool& real);
  bool word(JsonValue& value, std::string_view word, JsonValue::Kind kind);
  std::size_t digits() {
    const std::size_t begin = at_;
    while (ascii::is_digit(here())) ++at_;
    return at_ - begin;
  }
  [[nodiscard]] std::string_view since(std::size_t begin) const {
    return {text_.data() + begin, at_ - begin};
  }

  [[nodiscard]] std::string_view rest() const { return {text_.data() + at_, text_.size() - at_}; }

  std::string_view text_;
  std::size_t at_;
};

bool Scanner::string(JsonValue& value) {
  if (!take('"')) return false;
  const std::size_t begin = at_;
  std::size_t saved = 0;  // octets that escapes take more than what they mean
  for (;;) {
    const char* at = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    while (at != end && plain(*at)) ++at;
    at_ = static_cast<std::size_t>(at - text_.data());
    if (at == end) return false;
    if (here() == '"') break;
    if (here() == '\\') {
      const Escape found = escape(rest());
      if (found.length == 0) return false;
      saved += found.length - utf8_size(found.point);
      at_ += found.length;
    } else {
      const std::size_t length = here() >= 0 && here() < 0x20 ? 0 : utf8::sequence_length(rest());
      if (length == 0) return false;
      at_ += length;
    }
  }
  value.kind = JsonValue::Kind::string;
  value.raw = since(begin);
  value.size = value.raw.size() - saved;
  return take('"');
}

bool Scanner::word(JsonValue& value, std::string_view word, JsonValue::Kind kind) {
  if (!rest().starts_with(word)) return false;
  value.kind = kind;
  value.raw = word;
  value.truth = word == "true";
  at_ += word.size();
  return true;
}

// Whether a number that is no double is one because it is too large: else it is nearly nothing.
// REQUIRES: the syntax of a number, and no zero.
bool huge(std::string_view number) {
  if (number.front() == '-') number.remove_prefix(1);
  const std::size_t e = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t first = mantissa.find_first_of("123456789");
  const auto dot = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  std::int64_t places = dot - static_cast<std::int64_t>(first);  // before the point, about
  if (e == std::string_view::npos) return places > 0;
  std::string_view power = number.substr(e + 1);
  if (power.front() == '+') power.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (read.ec != std::errc()) return power.front() != '-';
  constexpr std::int64_t kFar = std::int64_t{1} << 40;  // beyond any text
  return places + std::clamp(exponent, -kFar, kFar) > 0;
}

// The value of digits; false: more than 64 bits hold.
bool unsigned_of(std::string_view digits, std::uint64_t& value) {
  constexpr std::size_t kAlwaysFit = 19;
  const char* const end = digits.data() + digits.size();
  if (digits.size() > kAlwaysFit)
    return std::from_chars(digits.data(), end, value).ec == std::errc();
  value = 0;
  for (const char digit : digits) value = 10 * value + static_cast<unsigned>(digit - '0');
  return true;
}

// The fraction and the exponent of a number, where it has them; false: half of one.
bool Scanner::rest_of_real(bool& real) {
  if (take('.')) {
    real = true;
    if (digits() == 0) return false;
  }
  if (!take('e') && !take('E')) return true;
  real = true;
  if (!take('+')) (void)take('-');
  return digits() > 0;
}

bool Scanner::number(JsonValue& value) {
  const std::size_t begin = at_;
  value.negative = take('-');
  const std::size_t first = at_;
  if (!take('0') && digits() == 0) return false;
  const std::string_view whole = since(first);
  bool real = false;
  if (!rest_of_real(real)) return false;
  value.raw = since(begin);
  value.kind = JsonValue::Kind::integer;
  const bool fits = !real && unsigned_of(whole, value.magnitude) &&
                    (!value.negative || value.magnitude <= std::uint64_t{1} << 63);
  if (fits) return true;
  value.kind = JsonValue::Kind::real;
  double about = 0;
  const char* const all = value.raw.data();
  return std::from_chars(all, all + value.raw.size(), about).ec == std::errc() || !huge(value.raw);
}

bool Scanner::nested(JsonValue& value, std::size_t depth) {
  if (depth == 0) return false;
  const std::size_t begin = at_;
  const bool object = take('{');
  if (!object) ++at_;
  const char close = object ? '}' : ']';
  blanks();
  JsonValue inner;
  for (bool more = !take(close); more;) {
    if (object && !name(inner)) return false;
    if (!this->value(inner, depth - 1)) return false;
    blanks();
    more = take(',');
    if (!more && !take(close)) return false;
    if (more) blanks();
  }
  value.kind = object ? JsonValue::Kind::object : JsonValue::Kind::array;
  value.raw = since(begin);
  return true;
}

bool Scanner::value(JsonValue& value, std::size_t depth) {
  switch (here()) {
    case '"':
      return string(value);
    case '{':
    case '[':
      return nested(value, depth);
    case 't':
      return word(value, "true", JsonValue::Kind::boolean);
    case 'f':
      return word(value, "false", JsonValue::Kind::boolean);
    case 'n':
      return word(value, "null", JsonValue::Kind::null);
    default:
      return number(value);
  }
}

}  // namespace

std::string_view JsonValue::text(std::string& buffer) const {
  if (size == raw.size()) return raw;
  buffer.clear();
  unescape(raw, buffer);
  return buffer;
}

std::string JsonValue::string() const {
  if (size == raw.size()) return std::string(raw);
  std::string text;
  text.reserve(size);
  unescape(raw, text);
  return text;
}

bool JsonReader::next() {
  if (state_ == State::whole || state_ == State::damaged) return false;
  Scanner scan(text_, at_);
  scan.blanks();
  const bool first = state_ == State::begin;
  state_ = State::members;
  if (first && (depth_ == 0 || !scan.take('{'))) return end(State::damaged);
  scan.blanks();
  if (scan.take('}')) {
    scan.blanks();
    return end(scan.at_end() ? State::whole : State::damaged);
  }
  if (!first) {
    if (!scan.take(',')) return end(State::damaged);
    scan.blanks();
  }
  JsonValue name;
  if (!scan.name(name) || !scan.value(value_, depth_ - 1)) return end(State::damaged);
  key_ = name.text(buffer_);
  at_ = scan.at();
  return true;
}

}  // namespace mxw
