// One request on a daemon's control socket (semantics 6), waited for: what Control and
// MilterControl are made of.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/options.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/result.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/request.hpp"

namespace mxw::cli {

class DaemonControl {
 public:
  // Of `program` ("policyd"): by the option `option`, else by the settings and `instance`, empty
  // for the process without a name. `request_bytes`: what it takes at most. Error (usage): the
  // settings.
  [[nodiscard]] static Result<DaemonControl> of(const Given& given, std::string_view option,
                                                std::string program, std::string instance = {},
                                                std::size_t request_bytes = ipc::kRequestBytes);

  // Sends `{"v":1,"cmd":cmd, ...}` with what `members` adds, and reads the answer.
  // Error: environment (it does not run, or we may not ask it: says what to look at), usage (what
  // it says of the request, or that it is too long).
  using Members = std::function<void(JsonWriter&)>;
  [[nodiscard]] Result<ipc::JsonMessage> ask(std::string_view cmd, const Members& members) const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DaemonControl(std::string path, std::string program, std::string instance,
                std::size_t request_bytes)
      : path_(std::move(path)),
        program_(std::move(program)),
        instance_(std::move(instance)),
        request_bytes_(request_bytes) {}
  [[nodiscard]] std::string how_it_runs() const;
  std::string path_, program_, instance_;
  std::size_t request_bytes_;
};

}  // namespace mxw::cli
