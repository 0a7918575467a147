#include "cli/control.hpp"

#include <utility>

#include "core/base/digest.hpp"
#include "core/base/limits.hpp"
#include "core/ipc/request.hpp"
#include "policyd/control.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kRows = 4'096;  // of one answer: 64 KiB hold fewer

}  // namespace

Result<Control> Control::of(const Given& given) {
  auto daemon =
      DaemonControl::of(given, kSocketOption.name,
                        {.program = "policyd", .request_bytes = policyd::Control::kMessageBytes});
  if (!daemon) return std::unexpected(std::move(daemon.error()));
  return Control(std::move(*daemon));
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
      return fail(ErrorKind::environment, daemon_.path() + ": a damaged answer");
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
