#include "cli/daemon_control.hpp"

#include <utility>

#include "cli/settings.hpp"
#include "core/service/instance.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kTimeout = 10 * kSecond;

}  // namespace

Result<DaemonControl> DaemonControl::of(const Given& given, std::string_view option,
                                        std::string program, std::string instance,
                                        std::size_t request_bytes) {
  if (given.has(option))
    return DaemonControl(given.text(option), std::move(program), {}, request_bytes);
  const auto config = settings(given);
  if (!config) return std::unexpected(config.error());
  std::string path =
      config->paths.run + '/' + service::instance_folder(program, instance) + "/control.sock";
  return DaemonControl(std::move(path), std::move(program), std::move(instance), request_bytes);
}

std::string DaemonControl::how_it_runs() const {
  if (!instance_.empty()) return "`mxwarden-" + program_ + " --instance " + instance_ + '`';
  return "`systemctl status mxwarden-" + program_ + '`';
}

Result<ipc::JsonMessage> DaemonControl::ask(std::string_view cmd, const Members& members) const {
  std::string request;
  JsonWriter json(request);
  json.begin_object().member("v", ipc::JsonMessage::kVersion).member("cmd", cmd);
  members(json);
  json.end_object();
  const auto answer = ipc::request(path_, request, kTimeout, request_bytes_);
  if (!answer && answer.error().kind == ErrorKind::usage) return std::unexpected(answer.error());
  if (!answer)
    return fail(ErrorKind::environment,
                program_ + " does not answer: " + answer.error().message + "; it must run (" +
                    how_it_runs() +
                    "), and only root and the group of policyd.operator_group may ask it");
  auto message = ipc::JsonMessage::parse(*answer, ipc::kAnswerBytes);
  if (!message) return fail(ErrorKind::environment, path_ + ": no answer of " + program_);
  if (!message->boolean("ok"))
    return fail(ErrorKind::usage, message->text("error", ipc::kAnswerBytes));
  return std::move(*message);
}

}  // namespace mxw::cli
