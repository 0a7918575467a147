#include "milter/control.hpp"

#include <utility>

#include "core/ipc/control.hpp"
#include "core/mail/name.hpp"
#include "core/store/rows.hpp"

namespace mxw::milter {
namespace {

using ipc::begin_answer;
using ipc::refusal;
using ipc::time_of;

constexpr int kBusyMs = 200;  // the loop waits

void append_row(JsonWriter& json, const store::DecisionRow& row) {
  json.begin_object().member("v", 1).member("time", row.time.ns);
  for (const auto& [name, text] :
       {std::pair("session", &row.session), std::pair("queue_id", &row.queue_id),
        std::pair("listener", &row.listener), std::pair("role", &row.role),
        std::pair("domain", &row.domain), std::pair("verdict_id", &row.verdict_id),
        std::pair("action", &row.action), std::pair("code", &row.code),
        std::pair("reason", &row.reason)})
    json.member(name, std::string_view(*text));
  json.member("dry_run", row.dry_run).end_object();
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
  return cmd == "explain" ? explain(**store, *message) : impact(**store, *message);
}

std::string Control::explain(store::MilterStore& store, const ipc::JsonMessage& message) {
  store::Result<std::vector<store::DecisionRow>> rows;
  const bool newest = !message.has("queue_id") && !message.has("from");
  if (message.has("queue_id")) {
    rows = store.by_queue_id(message.text("queue_id", store::kWordBytes), kRows + 1);
  } else {
    const auto host = mail::HostName::parse(message.text("domain", store::kNameBytes));
    if (!host) return refusal("no queue id or domain name is given");
    const Time to = time_of(message, "to", clock_() + kMinute);
    rows = !newest ? store.by_domain(0, host->text(), time_of(message, "from", to), to, kRows + 1)
                   : store.latest(0, host->text(), to, kRows + 1);
  }
  if (!rows) return refusal(rows.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  const bool cut = rows->size() > kRows;
  if (cut) rows->erase(newest ? rows->begin() : rows->end() - 1);
  json.member("cut", cut).key("rows").begin_array();
  for (const store::DecisionRow& row : *rows) append_row(json, row);
  json.end_array().end_object();
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
