// Netstrings, `5:hello,`, as socketmap clients send them: an incremental reader with a limit that
// is kept before anything is buffered, and the writer of replies.
//
// The reader is total on any octets and gives the same for any split of its input. After a fault it
// stays at fault: what follows cannot be told from octets of a payload. It holds at most `limit` +
// 1 octets, and none while whole netstrings come in one piece. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mxw::map {

enum class NetstringFault : std::uint8_t {
  none,
  bad_length,    // no digits, or something else than digits before the colon
  leading_zero,  // `01:`; some readers take it, others refuse it
  too_long,      // told at the digit that exceeds the limit
  bad_terminator,
};
[[nodiscard]] std::string_view name(NetstringFault fault);

class NetstringReader {
 public:
  enum class Step : std::uint8_t { more, payload, fault };

  explicit NetstringReader(std::size_t limit) : limit_(limit) {}

  // Takes octets from the front of `input` up to the end of one netstring. `payload`: payload() is
  // the text, valid until the next call or until the input's memory goes. `more`: all was taken.
  Step next(std::string_view& input);

  [[nodiscard]] std::string_view payload() const { return payload_; }
  [[nodiscard]] NetstringFault fault() const { return fault_; }
  // Whether the input so far ends where a netstring ends; else it was cut.
  [[nodiscard]] bool at_boundary() const { return !in_payload_ && digits_ == 0; }
  [[nodiscard]] std::size_t buffered() const { return used_ ? 0 : buffer_.size(); }

 private:
  Step failed(NetstringFault fault);
  bool take_length(char c);
  Step take_payload(std::string_view& input);

  std::size_t limit_;
  std::size_t length_ = 0;
  std::size_t digits_ = 0;
  bool in_payload_ = false;
  bool used_ = false;  // buffer_ holds a payload already given out
  NetstringFault fault_ = NetstringFault::none;
  std::string buffer_;
  std::string_view payload_;
};

// `text` as one netstring.
[[nodiscard]] std::string netstring(std::string_view text);

}  // namespace mxw::map
