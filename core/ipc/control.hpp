// What the answers of all control sockets have in common (semantics 6): `{"v":1,"ok":true,...}` or
// `{"v":1,"ok":false,"error":"..."}`, and how a request names a time. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_writer.hpp"
#include "core/base/time.hpp"
#include "core/ipc/json_message.hpp"

namespace mxw::ipc {

inline constexpr std::size_t kControlPeers = 16;  // operators of one host

[[nodiscard]] std::string refusal(std::string_view why);

// Begins the object in `out`, which outlives the writer; the caller adds its members and ends it.
[[nodiscard]] JsonWriter begin_answer(std::string& out);

// Nanoseconds since 1970; `otherwise` where the request has no such member.
[[nodiscard]] Time time_of(const JsonMessage& request, const char* name, Time otherwise);

}  // namespace mxw::ipc
