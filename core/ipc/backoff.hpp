// Waiting between attempts to connect to a program of ours: 100 ms, doubled up to 5 s. One host's
// programs come back within seconds, and a restart of all of them must not be felt.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/time.hpp"

namespace mxw::ipc {

class Backoff {
 public:
  static constexpr std::int64_t kFirst = 100 * kMillisecond;
  static constexpr std::int64_t kLast = 5 * kSecond;

  std::int64_t next() {  // nanoseconds
    const std::int64_t wait = wait_;
    wait_ = std::min(2 * wait_, kLast);
    return wait;
  }
  void reset() { wait_ = kFirst; }
  // A connection has ended that held for `ns`: one that outlasted the wait before the next is no
  // sign of an other end that does not want us.
  void held(std::int64_t ns) {
    if (ns > wait_) reset();
  }

 private:
  std::int64_t wait_ = kFirst;
};

}  // namespace mxw::ipc
