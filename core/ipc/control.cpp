#include "core/ipc/control.hpp"

#include <algorithm>
#include <cstdint>

namespace mxw::ipc {

std::string refusal(std::string_view why) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("v", JsonMessage::kVersion)
      .member("ok", false)
      .member("error", why)
      .end_object();
  return out;
}

JsonWriter begin_answer(std::string& out) {
  JsonWriter json(out);
  json.begin_object().member("v", JsonMessage::kVersion).member("ok", true);
  return json;
}

Time time_of(const JsonMessage& request, const char* name, Time otherwise) {
  constexpr std::uint64_t kMost = INT64_MAX;
  if (!request.has(name)) return otherwise;
  return {static_cast<std::int64_t>(std::min(request.number(name), kMost))};
}

}  // namespace mxw::ipc
