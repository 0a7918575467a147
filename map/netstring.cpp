#include "map/netstring.hpp"

#include "core/base/ascii.hpp"

namespace mxw::map {
namespace {

constexpr std::size_t kKeptCapacity = 512;  // of the buffer between payloads

}  // namespace

std::string_view name(NetstringFault fault) {
  switch (fault) {
    case NetstringFault::none:
      return "none";
    case NetstringFault::bad_length:
      return "bad length";
    case NetstringFault::leading_zero:
      return "leading zero";
    case NetstringFault::too_long:
      return "too long";
    case NetstringFault::bad_terminator:
      return "bad terminator";
  }
  return "none";
}

NetstringReader::Step NetstringReader::failed(NetstringFault fault) {
  fault_ = fault;
  payload_ = {};
  return Step::fault;
}

// One octet of the length; sets the fault or moves on to the payload.
bool NetstringReader::take_length(char c) {
  if (c == ':' && digits_ > 0) {
    in_payload_ = true;
    return true;
  }
  if (!ascii::is_digit(c)) {
    failed(NetstringFault::bad_length);
    return false;
  }
  if (digits_ > 0 && length_ == 0) {
    failed(NetstringFault::leading_zero);
    return false;
  }
  length_ = length_ * 10 + static_cast<std::size_t>(c - '0');
  ++digits_;
  if (length_ <= limit_) return true;
  failed(NetstringFault::too_long);
  return false;
}

NetstringReader::Step NetstringReader::take_payload(std::string_view& input) {
  const std::size_t missing = length_ + 1 - buffer_.size();  // with the comma
  if (input.size() < missing) {
    buffer_.append(input);
    input = {};
    return Step::more;
  }
  std::string_view whole = input.substr(0, missing);
  if (!buffer_.empty()) {
    buffer_.append(whole);
    whole = buffer_;
    used_ = true;
  }
  input.remove_prefix(missing);
  if (whole.back() != ',') return failed(NetstringFault::bad_terminator);
  payload_ = whole.substr(0, length_);
  in_payload_ = false;
  length_ = digits_ = 0;
  return Step::payload;
}

NetstringReader::Step NetstringReader::next(std::string_view& input) {
  if (fault_ != NetstringFault::none) return Step::fault;
  if (used_) {
    buffer_.clear();
    if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
    used_ = false;
  }
  while (!in_payload_) {
    if (input.empty()) return Step::more;
    const char c = input.front();
    input.remove_prefix(1);
    if (!take_length(c)) return Step::fault;
  }
  return take_payload(input);
}

std::string netstring(std::string_view text) {
  std::string out = std::to_string(text.size());
  out.reserve(out.size() + text.size() + 2);
  out += ':';
  out += text;
  out += ',';
  return out;
}

}  // namespace mxw::map
