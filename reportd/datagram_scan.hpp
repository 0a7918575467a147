// DatagramScanner: a cursor over JSON text (RFC 8259) for DatagramReader, in one pass, without a
// tree. Private to reportd.
//
// The first damage sticks: failed() is its word, and every later step says false. Strings without
// escapes are views of the text; others are decoded into the arena. Octets that are not UTF-8 pass,
// since the protocol lets them through; who keeps a string calls clean(). The arena is made large
// enough by begin() that it never moves. One thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "reportd/datagram.hpp"

namespace mxw::reportd {

class DatagramScanner {
 public:
  void begin(std::string_view text);
  bool fail(Garbage word) {
    if (!failed_) word_ = word;
    failed_ = true;
    return false;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] Garbage word() const { return word_; }

  // Calls member(key) with the cursor at each value, which it reads; false when damaged.
  template <typename Member>
  bool object(Member member) {
    if (!open('{')) return false;
    if (close('}')) return true;
    do {
      std::string_view name;
      if (!key(name) || !member(name)) return fail(Garbage::syntax);
    } while (comma());
    return close('}') || fail(Garbage::syntax);
  }
  // Calls element() with the cursor at each element, which it reads.
  template <typename Element>
  bool array(Element element) {
    if (!open('[')) return false;
    if (close(']')) return true;
    do {
      if (!element()) return fail(Garbage::syntax);
    } while (comma());
    return close(']') || fail(Garbage::syntax);
  }

  // Garbage::type where the value is of another kind, or no whole number of at most 2^53.
  bool string(std::string_view& out);
  bool integer(std::int64_t& out);
  bool skip();  // any value
  bool end();   // nothing but blanks is left

  // The next octet that is no blank, 0 at the end.
  char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
    return at_ != end_ ? *at_ : '\0';
  }

  // Room for at most `size` octets (no more than the datagram has and 4,096), of which `used` are
  // kept by the next take(). Without room: too_large, and take() gives nothing.
  char* room(std::size_t size);
  std::string_view take(std::size_t used);

 private:
  bool open(char bracket);
  bool close(char bracket);
  bool comma();
  bool key(std::string_view& out);  // and the colon behind it
  bool escaped(std::string_view& out, const char* from);
  char* escape(char* to);
  char* unicode(char* to);
  bool hex4(std::uint32_t& out);
  bool literal(std::string_view word);

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::size_t depth_ = 0;
  bool failed_ = false;
  Garbage word_ = Garbage::syntax;
  std::vector<char> arena_;
  std::size_t used_ = 0, promised_ = 0;
};

}  // namespace mxw::reportd
