#include "cli/daemon_control.hpp"

#include <utility>

#include "cli/settings.hpp"
#include "core/service/instance.hpp"

namespace mxw::cli {
Result<DaemonControl> DaemonControl::of(const Given& given, std::string_view option,
                                        Server server) {
  if (given.has(option)) {
    server.instance.clear();
    return DaemonControl(given.text(option), std::move(server));
  }
  const auto config = settings(given);
  if (!config) return std::unexpected(config.error());
  std::string path = config->paths.run + '/' +
                     service::instance_folder(server.program, server.instance) + "/control.sock";
  return DaemonControl(std::move(path), std::move(server));
}

std::string DaemonControl::how_it_runs() const {
  if (!server_.instance.empty()) {
    return "`mxwarden-" + server_.program + " --instance " + server_.instance + '`';
  }
  return "`systemctl status mxwarden-" + server_.program + '`';
}

Result<ipc::JsonMessage> DaemonControl::ask(std::string_view cmd, const Members& members,
                                            std::int64_t timeout_ns) const {
  std::string request;
  JsonWriter json(request);
  json.begin_object().member("v", ipc::JsonMessage::kVersion).member("cmd", cmd);
  members(json);
  json.end_object();
  const auto answer = ipc::request(path_, request, timeout_ns, server_.request_bytes);
  if (!answer && answer.error().kind == ErrorKind::usage) return std::unexpected(answer.error());
  if (!answer)
    return fail(ErrorKind::environment,
                server_.program + " does not answer: " + answer.error().message +
                    "; it must run (" + how_it_runs() +
                    "), and only root and the group of policyd.operator_group may ask it");
  auto message = ipc::JsonMessage::parse(*answer, ipc::kAnswerBytes);
  if (!message) return fail(ErrorKind::environment, path_ + ": no answer of " + server_.program);
  if (!message->boolean("ok"))
    return fail(ErrorKind::usage, message->text("error", ipc::kAnswerBytes));
  return std::move(*message);
}

}  // namespace mxw::cli
