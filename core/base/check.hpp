// MXW_CHECK: an interface of ours was violated by ourselves. Never used on anything that came from
// a packet, a file or an operator: those are data or an Error.
#pragma once

namespace mxw {

// Prints the place and aborts; async-signal-safe is not required, the process is lost.
[[noreturn]] void panic(const char* condition, const char* file, int line);

}  // namespace mxw

#define MXW_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::mxw::panic(#condition, __FILE__, __LINE__))
