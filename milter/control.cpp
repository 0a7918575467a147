#include "milter/control.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/ipc/control.hpp"
#include "core/ipc/request.hpp"
#include "core/mail/name.hpp"
#include "core/store/rows.hpp"

namespace mxw::milter {
namespace {

using ipc::begin_answer;
using ipc::refusal;
using ipc::time_of;

constexpr int kBusyMs = 200;                                   // the loop waits
constexpr std::size_t kRowsBytes = ipc::kAnswerBytes - 1'024;  // the rest of an answer needs less

std::string row_text(const store::DecisionRow& row) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", 1).member("time", row.time.ns);
  for (const auto& [name, text] :
       {std::pair("session", &row.session), std::pair("queue_id", &row.queue_id),
        std::pair("listener", &row.listener), std::pair("role", &row.role),
        std::pair("domain", &row.domain), std::pair("verdict_id", &row.verdict_id),
        std::pair("action", &row.action), std::pair("code", &row.code),
        std::pair("reason", &row.reason)})
    json.member(name, std::string_view(*text));
  json.member("dry_run", row.dry_run).member("began", row.began.ns);
  json.member("rule", std::string_view(row.rule)).end_object();
  return out;
}

// As many as an answer takes, the newest ones or the first.
void append_rows(JsonWriter& json, const std::vector<store::DecisionRow>& rows, bool newest) {
  std::vector<std::string> texts;
  texts.reserve(rows.size());
  for (const store::DecisionRow& row : rows) texts.push_back(row_text(row));
  if (newest) std::ranges::reverse(texts);
  std::size_t taken = 0;
  for (std::size_t size = 0; taken < std::min(texts.size(), Control::kRows); ++taken) {
    size += texts[taken].size() + 1;
    if (size > kRowsBytes) break;
  }
  json.member("cut", taken < texts.size());
  texts.resize(taken);
  if (newest) std::ranges::reverse(texts);
  json.key("rows").begin_array();
  for (const std::string& text : texts) json.raw(text);
  json.end_array();
}

}  // namespace

Result<void> Control::listen(EventLoop& loop, int listen_fd, ipc::PeerCheck peers) {
  ipc::SeqpacketServer::Options options;
  options.connections = ipc::kControlPeers;
  auto server = ipc::SeqpacketServer::create(
      loop, listen_fd, std::move(peers),
      [this](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
        peer.send(answer(message));
      },
      options);
  if (!server) return std::unexpected(std::move(server.error()));
  server_ = std::move(*server);
  return {};
}

std::string Control::answer(std::string_view text) {
  const auto message = ipc::JsonMessage::parse(text, ipc::kRequestBytes);
  if (!message) return refusal("no request of version 1");
  const std::string cmd = message->text("cmd", store::kWordBytes);
  if (cmd == "status") {
    std::string out;
    JsonWriter json = begin_answer(out);
    status_(json);
    json.end_object();
    return out;
  }
  if (cmd != "explain" && cmd != "impact")
    return refusal(cmd.empty() ? "no command" : "unknown command: " + cmd);
  const auto store = store::MilterStore::open(
      store_path_, {.access = store::Access::reader, .busy_timeout_ms = kBusyMs});
  if (!store) return refusal(store.error().message);
  if (cmd == "impact") return impact(**store, *message);
  return message->has("queue_id") ? explain_mail(**store, *message)
                                  : explain_domain(**store, *message);
}

std::string Control::explain_mail(store::MilterStore& store, const ipc::JsonMessage& message) {
  const std::string id = message.text("queue_id", store::kWordBytes);
  const auto mails = store.mails(id, kMails);
  if (!mails) return refusal(mails.error().message);
  auto wanted = mails->begin();
  if (message.has("at")) {
    const Time at = time_of(message, "at", {});
    wanted = std::ranges::find_if(*mails, [&](const auto& mail) { return mail.start <= at; });
  }
  std::vector<store::DecisionRow> rows;
  if (wanted != mails->end()) {
    auto found = store.by_mail(id, *wanted, kRows + 1);
    if (!found) return refusal(found.error().message);
    rows = std::move(*found);
  }
  std::string out;
  JsonWriter json = begin_answer(out);
  append_rows(json, rows, false);
  json.member("others", mails->size() - (wanted == mails->end() ? 0 : 1));
  json.key("starts").begin_array();
  std::size_t told = 0;
  for (auto mail = mails->begin(); mail != mails->end() && told < kStarts; ++mail)
    if (mail != wanted) json.number(mail->start.ns), ++told;
  json.end_array().end_object();
  return out;
}

std::string Control::explain_domain(store::MilterStore& store, const ipc::JsonMessage& message) {
  const auto host = mail::HostName::parse(message.text("domain", store::kNameBytes));
  if (!host) return refusal("no queue id or domain name is given");
  const bool newest = !message.has("from");
  const Time to = time_of(message, "to", clock_() + kMinute);
  const auto rows =
      newest ? store.latest(0, host->text(), to, kRows + 1)
             : store.by_domain(0, host->text(), time_of(message, "from", to), to, kRows + 1);
  if (!rows) return refusal(rows.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  append_rows(json, *rows, newest);
  json.end_object();
  return out;
}

std::string Control::impact(store::MilterStore& store, const ipc::JsonMessage& message) {
  const auto tally = store.tally(time_of(message, "from", clock_() - kDay));
  if (!tally) return refusal(tally.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.key("tally").begin_array();
  for (const store::DecisionTally& one : *tally) {
    json.begin_object().member("v", 1);
    json.member("role", std::string_view(one.role)).member("action", std::string_view(one.action));
    json.member("reason", std::string_view(one.reason)).member("dry_run", one.dry_run);
    json.member("count", one.count).member("domains", one.domains).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace mxw::milter
