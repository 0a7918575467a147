// A secret of 32 octets in a file of one program alone: made at the first start, the same after
// every restart. May block for the disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::service {

// A file that is not there is made (0600, from the system's random source). Error (environment): it
// cannot be read or made, or has another size, another owner or rights for others.
[[nodiscard]] Result<std::vector<std::uint8_t>> key_file(const std::string& path);

}  // namespace mxw::service
