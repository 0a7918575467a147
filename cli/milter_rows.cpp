#include "cli/milter_rows.hpp"

#include <utility>

#include "core/base/ascii.hpp"
#include "core/ipc/request.hpp"
#include "core/rows/policy_rows.hpp"
#include "core/service/instance.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kRows = 1'024;  // of one answer: 64 KiB hold fewer

std::string word(const ipc::JsonMessage& json, const char* name) {
  return json.text(name, rows::kNameBytes);
}

MilterDecision decision_of(const ipc::JsonMessage& json) {
  MilterDecision row;
  row.time = {static_cast<std::int64_t>(json.number("time"))};
  row.session = word(json, "session");
  row.queue_id = word(json, "queue_id");
  row.listener = word(json, "listener");
  row.role = word(json, "role");
  row.domain = word(json, "domain");
  row.verdict_id = word(json, "verdict_id");
  row.action = word(json, "action");
  row.code = word(json, "code");
  row.reason = word(json, "reason");
  row.dry_run = json.boolean("dry_run");
  row.rule = word(json, "rule");
  row.began = {static_cast<std::int64_t>(json.number("began"))};
  return row;
}

}  // namespace

Result<MilterControl> MilterControl::of(const Given& given) {
  const std::string instance = given.text(kMilterInstanceOption.name);
  if (given.has(kMilterInstanceOption.name)) {
    if (given.has(kMilterSocketOption.name))
      return fail(ErrorKind::usage, "--instance and --milter-socket: one of them names the milter");
    if (!service::is_instance(instance)) return fail(ErrorKind::usage, service::kInstanceNames);
  }
  auto daemon = DaemonControl::of(given, kMilterSocketOption.name,
                                  {.program = "milter", .instance = instance});
  if (!daemon) return std::unexpected(std::move(daemon.error()));
  return MilterControl(std::move(*daemon));
}

Result<MilterControl::Decisions> MilterControl::decisions(
    const DaemonControl::Members& members) const {
  const auto answer = daemon_.ask("explain", members);
  if (!answer) return std::unexpected(answer.error());
  Decisions decisions;
  decisions.cut = answer->boolean("cut");
  decisions.others = answer->number("others");
  for (const std::string& text : answer->elements("starts", kRows))
    if (const auto start = ascii::parse_u64(text))
      decisions.starts.push_back({static_cast<std::int64_t>(*start)});
  for (const std::string& text : answer->elements("rows", kRows))
    if (const auto row = ipc::JsonMessage::parse(text, ipc::kAnswerBytes))
      decisions.rows.push_back(decision_of(*row));
  return decisions;
}

Result<MilterControl::Decisions> MilterControl::by_queue_id(const std::string& id,
                                                            const Time* at) const {
  return decisions([&](JsonWriter& json) {
    json.member("queue_id", std::string_view(id));
    if (at != nullptr) json.member("at", at->ns);
  });
}

Result<MilterControl::Decisions> MilterControl::by_domain(const std::string& domain,
                                                          const Span* span) const {
  return decisions([&](JsonWriter& json) {
    json.member("domain", std::string_view(domain));
    if (span != nullptr) json.member("from", span->from.ns).member("to", span->to.ns);
  });
}

Result<std::vector<MilterTally>> MilterControl::tally(Time from) const {
  const auto answer =
      daemon_.ask("impact", [&](JsonWriter& json) { json.member("from", from.ns); });
  if (!answer) return std::unexpected(answer.error());
  std::vector<MilterTally> tally;
  for (const std::string& text : answer->elements("tally", kRows)) {
    const auto json = ipc::JsonMessage::parse(text, ipc::kAnswerBytes);
    if (!json) continue;
    tally.push_back({.role = word(*json, "role"),
                     .action = word(*json, "action"),
                     .reason = word(*json, "reason"),
                     .dry_run = json->boolean("dry_run"),
                     .count = json->number("count"),
                     .domains = json->number("domains")});
  }
  return tally;
}

}  // namespace mxw::cli
