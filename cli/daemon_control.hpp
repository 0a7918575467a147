// One request on a daemon's control socket (semantics 6), waited for: what Control and
// MilterControl are made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cli/options.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/ipc/json_message.hpp"
#include "core/ipc/request.hpp"

namespace mxw::cli {

class DaemonControl {
 public:
  static constexpr std::int64_t kTimeout = 10 * kSecond;

  struct Server {
    std::string program;                             // "policyd"
    std::string instance = {};                       // empty: the process without a name
    std::size_t request_bytes = ipc::kRequestBytes;  // what it takes at most
  };
  // By the option `option`, else by the settings. Error (usage): the settings.
  [[nodiscard]] static Result<DaemonControl> of(const Given& given, std::string_view option,
                                                Server server);

  // Sends `{"v":1,"cmd":cmd, ...}` with what `members` adds, and reads the answer.
  // Error: environment (it does not run, or we may not ask it: says what to look at), usage (what
  // it says of the request, or that it is too long). A verb whose answer waits for DNS says how
  // long.
  using Members = std::function<void(JsonWriter&)>;
  [[nodiscard]] Result<ipc::JsonMessage> ask(std::string_view cmd, const Members& members,
                                             std::int64_t timeout_ns = kTimeout) const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DaemonControl(std::string path, Server server)
      : path_(std::move(path)), server_(std::move(server)) {}
  [[nodiscard]] std::string how_it_runs() const;
  std::string path_;
  Server server_;
};

}  // namespace mxw::cli
