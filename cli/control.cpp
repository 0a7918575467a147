#include "cli/control.hpp"

#include <utility>

#include "cli/settings.hpp"
#include "core/base/digest.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/request.hpp"

namespace mxw::cli {
namespace {

constexpr std::int64_t kTimeout = 10 * kSecond;
constexpr std::size_t kRows = 4'096;  // of one answer: 64 KiB hold fewer

constexpr char kAdvice[] =
    "; it must run (`systemctl status mxwarden-policyd`), and only root and the group of "
    "policyd.operator_group may ask it";

}  // namespace

Result<Control> Control::of(const Given& given) {
  if (given.has("socket")) return Control(given.text("socket"));
  const auto config = settings(given);
  if (!config) return std::unexpected(config.error());
  return Control(config->paths.run + "/policyd/control.sock");
}

Result<ipc::JsonMessage> Control::ask(std::string_view cmd, const Members& members) const {
  std::string request;
  JsonWriter json(request);
  json.begin_object().member("v", 1).member("cmd", cmd);
  members(json);
  json.end_object();
  const auto answer = ipc::request(path_, request, kTimeout);
  if (!answer)
    return fail(ErrorKind::environment,
                "policyd does not answer: " + answer.error().message + kAdvice);
  auto message = ipc::JsonMessage::parse(*answer, ipc::kAnswerBytes);
  if (!message) return fail(ErrorKind::environment, path_ + ": no answer of policyd");
  if (!message->boolean("ok"))
    return fail(ErrorKind::usage, message->text("error", ipc::kAnswerBytes));
  return std::move(*message);
}

Result<std::string> Control::body(const std::string& domain, std::optional<Time> at) const {
  std::string text;
  for (;;) {
    const auto piece = ask("policy-body", [&](JsonWriter& json) {
      json.member("domain", std::string_view(domain)).member("offset", text.size());
      if (at) json.member("at", at->ns);
    });
    if (!piece) return std::unexpected(piece.error());
    const auto octets = from_base64(piece->text("body", ipc::kAnswerBytes));
    const std::uint64_t size = piece->number("size");
    if (!octets || size > limits::kPolicyBytes || (octets->empty() && text.size() < size))
      return fail(ErrorKind::environment, path_ + ": a damaged answer");
    text += as_text(*octets);
    if (text.size() >= size) return text;
  }
}

std::vector<rows::Change> rows_of(const ipc::JsonMessage& answer) {
  std::vector<rows::Change> rows;
  for (const std::string& line : answer.elements("rows", kRows))
    if (auto read = feed::decode(line); read.change) rows.push_back(std::move(*read.change));
  return rows;
}

}  // namespace mxw::cli
