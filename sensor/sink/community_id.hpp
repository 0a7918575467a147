// Community ID v1 (Corelight's specification): one name for a flow across tools. Seed 0.
#pragma once

#include <string>

#include "core/base/ip.hpp"

namespace mxw::sink {

[[nodiscard]] std::string community_id(const Endpoint& a, const Endpoint& b, std::uint8_t protocol);

}  // namespace mxw::sink
