// One question and its answer on a SEQPACKET socket, waited for: the operator's tool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace mxw::ipc {

// At most as many octets as SeqpacketServer answers with.
inline constexpr std::size_t kAnswerBytes = 64 << 10;

// Blocks the calling thread for at most `timeout_ns` altogether. Error: environment (nobody
// listens, not allowed, closed without an answer, too late), usage (path or message too long).
[[nodiscard]] Result<std::string> request(const std::string& path, std::string_view message,
                                          std::int64_t timeout_ns);

}  // namespace mxw::ipc
