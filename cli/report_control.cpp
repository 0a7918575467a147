#include "cli/report_control.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cli/duration.hpp"
#include "core/base/digest.hpp"
#include "core/ipc/request.hpp"
#include "core/mail/name.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kPiece = 2'700;               // 3,600 in base64, below ipc::kRequestBytes
constexpr std::size_t kTextBytes = 64UL << 20;      // of a text in pieces
constexpr std::int64_t kImportTime = 40 * kSecond;  // the last piece waits for keys from DNS
constexpr std::size_t kPage = 1'000;                // elements of one answer

}  // namespace

Result<ReportControl> ReportControl::of(const Given& given) {
  auto daemon = DaemonControl::of(given, kReportSocketOption.name, {.program = "reportd"});
  if (!daemon) return std::unexpected(std::move(daemon.error()));
  return ReportControl(std::move(*daemon));
}

Result<std::string> ReportControl::text(std::string_view what, const std::string& day,
                                        const std::string& domain, const First& first) const {
  std::string text;
  for (;;) {
    const auto answer = ask("text", [&](JsonWriter& json) {
      json.member("what", what).member("day", std::string_view(day));
      json.member("domain", std::string_view(domain)).member("offset", text.size());
    });
    if (!answer) return std::unexpected(answer.error());
    if (text.empty() && first) first(*answer);
    const auto octets = from_base64(answer->text("body", ipc::kAnswerBytes));
    const std::uint64_t size = answer->number("size");
    if (!octets || size > kTextBytes || (octets->empty() && text.size() < size))
      return fail(ErrorKind::environment, daemon_.path() + ": a damaged answer");
    text += as_text(*octets);
    if (text.size() >= size) return text;
  }
}

Result<void> ReportControl::pages(std::string_view cmd, const char* list, const std::string& day,
                                  const Each& each) const {
  std::string after;
  for (;;) {
    const auto answer = ask(cmd, [&](JsonWriter& json) {
      json.member("day", std::string_view(day)).member("after", std::string_view(after));
    });
    if (!answer) return std::unexpected(answer.error());
    const std::string before = after;
    for (const std::string& element : answer->elements(list, kPage)) after = each(element);
    if (!answer->boolean("more") || after == before) return {};
  }
}

Result<ipc::JsonMessage> ReportControl::import(std::string_view octets, bool dry_run,
                                               bool quarantine) const {
  const std::string id = std::to_string(::getpid()) + '-' + std::to_string(wall_clock().ns);
  std::size_t offset = 0;
  for (;;) {
    const std::string_view piece = octets.substr(offset, kPiece);
    auto answer = daemon_.ask(
        "import",
        [&](JsonWriter& json) {
          json.member("id", std::string_view(id)).member("offset", offset);
          json.member("size", octets.size()).member("dry_run", dry_run);
          json.member("quarantine", quarantine);
          json.member("body", std::string_view(base64(as_bytes(piece))));
        },
        kImportTime);
    offset += piece.size();
    if (!answer || offset >= octets.size()) return answer;
  }
}

Result<std::string> day_operand(const Given& given, std::size_t at) {
  const std::string text = at < given.operands.size() ? given.operands[at] : std::string();
  constexpr std::size_t kDate = 10;
  if (text.size() != kDate || !parse_rfc3339(text + "T00:00:00Z"))
    return fail(ErrorKind::usage, "\"" + text + "\" is no day as 2026-11-26 (UTC)");
  return text;
}

Result<std::string> domain_at(const Given& given, std::size_t at) {
  const std::string text = at < given.operands.size() ? given.operands[at] : std::string();
  const auto host = mail::HostName::parse(text);
  if (!host) return fail(ErrorKind::usage, "\"" + text + "\" is no domain name");
  return host->text();
}

}  // namespace mxw::cli
