// Asking policyd: one request on its control socket (policyd/control.hpp), waited for.
#pragma once

#include <functional>
#include <string>

#include "cli/options.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/result.hpp"
#include "core/feed/codec.hpp"
#include "core/ipc/json_message.hpp"

namespace mxw::cli {

inline constexpr Option kSocketOption{
    "socket", "PATH", "policyd's control socket (default: <paths.run>/policyd/control.sock)"};

class Control {
 public:
  // By `--socket`, else by the settings. Error (usage): the settings.
  [[nodiscard]] static Result<Control> of(const Given& given);

  // Sends `{"v":1,"cmd":cmd, ...}` with what `members` adds, and reads the answer.
  // Error: environment (policyd does not run, or we may not ask it), usage (what policyd says of
  // the request).
  using Members = std::function<void(JsonWriter&)>;
  [[nodiscard]] Result<ipc::JsonMessage> ask(std::string_view cmd, const Members& members) const;

  // The text of a policy as served; `at` nullopt: the current one.
  [[nodiscard]] Result<std::string> body(const std::string& domain, std::optional<Time> at) const;

 private:
  explicit Control(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The rows of an answer, in its order; what is no row is left out.
[[nodiscard]] std::vector<rows::Change> rows_of(const ipc::JsonMessage& answer);

}  // namespace mxw::cli
