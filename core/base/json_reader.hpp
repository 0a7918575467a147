// JsonReader: the members of one JSON object (RFC 8259), one after the other, without a tree.
//
//   JsonReader json(text, 8);
//   while (json.next()) { json.key() ... json.value() ... }
//   if (!json.whole()) ...  // no such object: nothing of what was read counts
//
// Every value is checked to its end before it is given out: syntax, UTF-8 (RFC 3629), surrogates in
// pairs, at most `depth` objects and arrays in one another (the outermost counts). A number beyond
// a double is damage. What is nested is given as its text, for a JsonReader of its own. A name that
// comes twice is given twice. No allocation but for names with escapes. Total on any octets; a NUL
// or a byte order mark is damage. The text outlives reader and values. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mxw {

struct JsonValue {
  enum class Kind : std::uint8_t { object, array, string, integer, real, boolean, null };

  Kind kind = Kind::null;
  // integer: negative, also `-0`. An integer outside [-2^63, 2^64) is a real.
  bool negative = false;
  bool truth = false;           // boolean
  std::uint64_t magnitude = 0;  // integer, without its sign
  std::string_view raw;         // as it stands in the text; of a string without its quotes
  std::size_t size = 0;         // string: octets without escapes

  // REQUIRES: a string. The text itself, or where it has escapes `buffer`, which is written over.
  [[nodiscard]] std::string_view text(std::string& buffer) const;
  // REQUIRES: a string. With no more memory than it needs.
  [[nodiscard]] std::string string() const;
};

class JsonReader {
 public:
  JsonReader(std::string_view text, std::size_t depth) : text_(text), depth_(depth) {}

  // Goes to the next member. False: there is none, or the text is damaged there.
  bool next();
  [[nodiscard]] std::string_view key() const { return key_; }  // both good until the next call
  [[nodiscard]] const JsonValue& value() const { return value_; }
  // Once next() was false: the text is one object with nothing but blanks around it.
  [[nodiscard]] bool whole() const { return state_ == State::whole; }

 private:
  enum class State : std::uint8_t { begin, members, whole, damaged };
  bool end(State state) {
    state_ = state;
    return false;
  }

  std::string_view text_;
  std::size_t depth_;
  std::size_t at_ = 0;
  State state_ = State::begin;
  std::string_view key_;
  JsonValue value_;
  std::string buffer_;
};

}  // namespace mxw
