#include "cli/daemon_control.hpp"

#include <utility>

#include "cli/settings.hpp"

namespace mxw::cli {
Result<DaemonControl> DaemonControl::of(const Given& given, std::string_view option,
                                        std::string program, std::size_t request_bytes) {
  if (given.has(option))
    return DaemonControl(given.text(option), std::move(program), request_bytes);
  const auto config = settings(given);
  if (!config) return std::unexpected(config.error());
  std::string path = config->paths.run + '/' + program + "/control.sock";
  return DaemonControl(std::move(path), std::move(program), request_bytes);
}

Result<ipc::JsonMessage> DaemonControl::ask(std::string_view cmd, const Members& members,
                                            std::int64_t timeout_ns) const {
  std::string request;
  JsonWriter json(request);
  json.begin_object().member("v", ipc::JsonMessage::kVersion).member("cmd", cmd);
  members(json);
  json.end_object();
  const auto answer = ipc::request(path_, request, timeout_ns, request_bytes_);
  if (!answer && answer.error().kind == ErrorKind::usage) return std::unexpected(answer.error());
  if (!answer)
    return fail(ErrorKind::environment,
                program_ + " does not answer: " + answer.error().message +
                    "; it must run (`systemctl status mxwarden-" + program_ +
                    "`), and only root and the group of policyd.operator_group may ask it");
  auto message = ipc::JsonMessage::parse(*answer, ipc::kAnswerBytes);
  if (!message) return fail(ErrorKind::environment, path_ + ": no answer of " + program_);
  if (!message->boolean("ok"))
    return fail(ErrorKind::usage, message->text("error", ipc::kAnswerBytes));
  return std::move(*message);
}

}  // namespace mxw::cli
