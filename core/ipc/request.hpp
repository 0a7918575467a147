// One question and its answer on a SEQPACKET socket, waited for: the operator's tool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace mxw::ipc {

// What SeqpacketServer takes and answers with at most, unless told otherwise (semantics 11: 4 KiB).
inline constexpr std::size_t kRequestBytes = 4'096;
inline constexpr std::size_t kAnswerBytes = 64 << 10;

// Blocks the calling thread for at most `timeout_ns` altogether. `most`: octets that this server
// takes (SeqpacketServer::Options::message_bytes). Error: environment (nobody listens, not allowed,
// closed without an answer, too late), usage (path or message too long).
[[nodiscard]] Result<std::string> request(const std::string& path, std::string_view message,
                                          std::int64_t timeout_ns,
                                          std::size_t most = kRequestBytes);

}  // namespace mxw::ipc
