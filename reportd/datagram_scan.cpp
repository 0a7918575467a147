#include "reportd/datagram_scan.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"

namespace mxw::reportd {
namespace {

// Decoded, masked and joined text are each at most twice as long as what they come from.
constexpr std::size_t kArenaTimes = 8, kArenaMore = 4'096;
constexpr std::int64_t kLargest = std::int64_t{1} << 53;  // RFC 7493 section 2.2

// Whether one of eight octets is a quote, a backslash or below a blank.
bool any_special(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const auto zero = [](std::uint64_t x) { return (x - kOnes) & ~x & kHighs; };
  const std::uint64_t quotes = zero(word ^ (kOnes * '"'));
  const std::uint64_t slashes = zero(word ^ (kOnes * '\\'));
  const std::uint64_t controls = (word - kOnes * ' ') & ~word & kHighs;
  return (quotes | slashes | controls) != 0;
}

bool special(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ';
}

const char* find_special(const char* at, const char* end) {
  for (std::uint64_t word = 0; end - at >= 8; at += 8) {
    std::memcpy(&word, at, 8);
    if (any_special(word)) break;
  }
  while (at != end && !special(*at)) ++at;
  return at;
}

char* put_utf8(char* to, std::uint32_t code) {
  const auto put = [&to](std::uint32_t octet) { *to++ = static_cast<char>(octet); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return to;
}

}  // namespace

void DatagramScanner::begin(std::string_view text) {
  at_ = text.data();
  end_ = at_ + text.size();
  depth_ = 0;
  failed_ = false;
  used_ = promised_ = 0;
  const std::size_t size = text.size() * kArenaTimes + kArenaMore;
  if (arena_.size() < size) arena_.resize(size);
}

char* DatagramScanner::room(std::size_t size) {
  promised_ = size;
  if (size > arena_.size() - used_) {
    fail(Garbage::too_large);
    used_ = 0;  // nothing of this datagram is used any more
    MXW_CHECK(size <= arena_.size());
  }
  return arena_.data() + used_;
}

std::string_view DatagramScanner::take(std::size_t used) {
  const std::string_view kept(arena_.data() + used_, std::min(used, promised_));
  used_ += kept.size();
  promised_ = 0;
  return failed_ ? std::string_view() : kept;
}

bool DatagramScanner::open(char bracket) {
  if (failed_ || peek() != bracket) return fail(at_ == end_ ? Garbage::syntax : Garbage::type);
  if (++depth_ > kDatagramDepth) return fail(Garbage::depth);
  ++at_;
  return true;
}

bool DatagramScanner::close(char bracket) {
  if (failed_ || peek() != bracket) return false;
  --depth_;
  ++at_;
  return true;
}

bool DatagramScanner::comma() {
  if (failed_ || peek() != ',') return false;
  ++at_;
  return true;
}

bool DatagramScanner::key(std::string_view& out) {
  if (failed_ || peek() != '"' || !string(out) || peek() != ':') return fail(Garbage::syntax);
  ++at_;
  return true;
}

bool DatagramScanner::end() {
  return !failed_ && (peek() == '\0' && at_ == end_ ? true : fail(Garbage::syntax));
}

bool DatagramScanner::string(std::string_view& out) {
  if (failed_ || peek() != '"') return fail(at_ == end_ ? Garbage::syntax : Garbage::type);
  const char* const from = ++at_;
  at_ = find_special(at_, end_);
  if (at_ == end_) return fail(Garbage::syntax);
  if (*at_ != '"') return escaped(out, from);
  out = std::string_view(from, static_cast<std::size_t>(at_ - from));
  ++at_;
  return true;
}

// The string from `from` on, of which the cursor is at the first octet that is not plain.
bool DatagramScanner::escaped(std::string_view& out, const char* from) {
  char* const begin = room(static_cast<std::size_t>(end_ - from));
  if (failed_) return false;
  char* to = std::copy(from, at_, begin);
  while (at_ != end_ && *at_ == '\\') {
    to = escape(to);
    if (to == nullptr) return false;
    const char* const plain = at_;
    at_ = find_special(at_, end_);
    to = std::copy(plain, at_, to);
  }
  if (at_ == end_ || *at_ != '"') return fail(Garbage::syntax);  // also a raw control character
  ++at_;
  out = take(static_cast<std::size_t>(to - begin));
  return !failed_;
}

char* DatagramScanner::escape(char* to) {
  ++at_;
  if (at_ == end_) return fail(Garbage::syntax), nullptr;
  constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  const char c = *at_++;
  if (c == 'u') return unicode(to);
  const std::size_t which = kNames.find(c);
  if (which == std::string_view::npos) return fail(Garbage::syntax), nullptr;
  *to++ = kMeant[which];
  return to;
}

char* DatagramScanner::unicode(char* to) {
  std::uint32_t code = 0, low = 0;
  if (!hex4(code)) return nullptr;
  if (code == 0) return fail(Garbage::nul), nullptr;
  if (code >= 0xd800 && code < 0xe000) {
    const bool pair = code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u';
    const char* const before = at_;
    if (pair) at_ += 2;
    if (pair && !hex4(low)) return nullptr;
    if (!pair || low < 0xdc00 || low >= 0xe000) {
      at_ = before;
      *to++ = '?';  // half of a pair is no character
      return to;
    }
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  return put_utf8(to, code);
}

bool DatagramScanner::hex4(std::uint32_t& out) {
  if (end_ - at_ < 4) return fail(Garbage::syntax);
  const auto [stop, error] = std::from_chars(at_, at_ + 4, out, 16);
  if (error != std::errc{} || stop != at_ + 4) return fail(Garbage::syntax);
  at_ = stop;
  return true;
}

bool DatagramScanner::integer(std::int64_t& out) {
  const char first = peek();
  if (failed_ || at_ == end_) return fail(Garbage::syntax);
  if (first != '-' && !ascii::is_digit(first)) return fail(Garbage::type);
  const auto [stop, error] = std::from_chars(at_, end_, out);
  if (error == std::errc::invalid_argument) return fail(Garbage::syntax);
  const bool leading_zero = ascii::is_digit(at_[0]) && at_[0] == '0' && stop - at_ > 1;
  if (leading_zero || (first == '-' && at_[1] == '0' && stop - at_ > 2))
    return fail(Garbage::syntax);
  const bool fraction = stop != end_ && (*stop == '.' || *stop == 'e' || *stop == 'E');
  if (error != std::errc{} || fraction || out > kLargest || out < -kLargest)
    return fail(Garbage::type);
  at_ = stop;
  return true;
}

bool DatagramScanner::literal(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
    at_ += word.size();
    return true;
  }
  return fail(Garbage::syntax);
}

bool DatagramScanner::skip() {
  std::string_view text;
  switch (peek()) {
    case '{':
      return object([this](std::string_view) { return skip(); });
    case '[':
      return array([this] { return skip(); });
    case '"':
      return string(text);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      break;
  }
  double number = 0;  // from_chars would also take `inf` and `nan`
  const bool digits = at_ != end_ && (ascii::is_digit(*at_) ||
                                      (*at_ == '-' && end_ - at_ > 1 && ascii::is_digit(at_[1])));
  if (failed_ || !digits) return fail(Garbage::syntax);
  const auto [stop, error] = std::from_chars(at_, end_, number);
  if (error == std::errc::invalid_argument) return fail(Garbage::syntax);
  at_ = stop;
  return true;
}

}  // namespace mxw::reportd
