// The operator's files. Whatever they hold: a brake has an action and, unless it is a pin, an end
// no more than seven days away; what was read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/check.hpp"
#include "core/operator/read.hpp"
#include "core/operator/write.hpp"

using namespace mxw::operators;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mxw::Time now = *mxw::parse_rfc3339("2026-11-21T08:00:00Z");
  if (const auto brake = parse_brake(text, now, now)) {
    MXW_CHECK(brake->action == Action::pin || brake->until);
    MXW_CHECK(brake->action == Action::pin || *brake->until <= now + kLongestBrake);
    MXW_CHECK(brake->mx.size() <= kMxNames);
    // Names that take more octets as A-labels may exceed what a file holds.
    const auto again = parse_brake(brake_json(*brake), now, now);
    MXW_CHECK(again ? *again == *brake : brake_json(*brake).size() > kFileBytes);
  }
  const Enforcement said = parse_enforcement(text, now, now);
  MXW_CHECK(!said.off || said.until <= now + kLongestBrake);
  return 0;
}
