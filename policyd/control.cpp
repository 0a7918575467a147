#include "policyd/control.hpp"

#include <algorithm>
#include <utility>

#include "core/base/digest.hpp"
#include "core/base/json_writer.hpp"
#include "core/base/limits.hpp"
#include "core/feed/codec.hpp"
#include "core/ipc/control.hpp"
#include "core/mail/name.hpp"
#include "core/policy/mta_sts.hpp"
#include "policyd/control_rows.hpp"
#include "policyd/event_kind.hpp"
#include "policyd/import_policy.hpp"

namespace mxw::policyd {
namespace {

using ipc::begin_answer;
using ipc::refusal;
using ipc::time_of;

constexpr std::size_t kReasonBytes = 512;  // as operators::kReasonBytes: one line of a log

std::string done() {
  std::string out;
  begin_answer(out).end_object();
  return out;
}

std::string status(const Engine& engine, store::PolicyStore& store) {
  const auto numbers = store.statistics();
  if (!numbers) return refusal(numbers.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("policies", numbers->policies).member("none", numbers->none);
  json.member("unknown", numbers->unknown).member("routes", numbers->routes);
  json.member("tlsa", numbers->tlsa).member("history", numbers->history);
  json.member("events", numbers->events).member("head", numbers->head);
  json.member("looks", engine.looks_running()).member("queued", engine.queued());
  json.member("held_in_memory", engine.shelf().held());
  json.end_object();
  return out;
}

std::string body(store::PolicyStore& store, const std::string& domain, Time at,
                 std::uint64_t offset) {
  const auto policy = store.policy_at({.tenant = 0, .name = domain}, at);
  if (!policy) return refusal(policy.error().message);
  if (!*policy) return refusal("no policy of " + domain + " at that time");
  const std::string_view text = (*policy)->body;
  const std::string_view piece =
      text.substr(std::min<std::uint64_t>(offset, text.size()), Control::kBodyPiece);
  std::string out;
  begin_answer(out)
      .member("size", text.size())
      .member("body", std::string_view(base64(as_bytes(piece))))
      .end_object();
  return out;
}

}  // namespace

Result<std::unique_ptr<Control>> Control::create(EventLoop& loop, int listen_fd,
                                                 ipc::PeerCheck peers, Engine& engine,
                                                 store::PolicyStore& store,
                                                 std::function<Time()> clock) {
  std::unique_ptr<Control> control(new Control(engine, store, std::move(clock)));
  Control* const self = control.get();
  ipc::SeqpacketServer::Options options;
  options.message_bytes = kMessageBytes;
  options.reply_bytes = kReplyBytes;
  options.connections = ipc::kControlPeers;
  auto server = ipc::SeqpacketServer::create(
      loop, listen_fd, std::move(peers),
      [self](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
        peer.send(self->answer(message, peer.credentials().uid));
      },
      options);
  if (!server) return std::unexpected(std::move(server.error()));
  control->server_ = std::move(*server);
  return control;
}

std::string Control::answer(std::string_view text, uid_t who) {
  const auto message = ipc::JsonMessage::parse(text, kMessageBytes);
  if (!message) return refusal("no request of version 1");
  const std::string cmd = message->text("cmd", rows::kWordBytes);
  const Time now = clock_();
  if (cmd == "status") return status(engine_, store_);
  if (cmd == "policy-list")
    return list_page(store_, {.after = message->number("after"),
                              .at = time_of(*message, "at", now),
                              .history = message->has("at")});
  const auto host = mail::HostName::parse(message->text("domain", rows::kNameBytes));
  if (!host) return refusal(cmd.empty() ? "no command" : "no domain name is given");
  const std::string& domain = host->text();
  if (cmd == "policy-show") return show(store_, domain);
  if (cmd == "policy-history") return history(store_, domain);
  if (cmd == "policy-body")
    return body(store_, domain, time_of(*message, "at", now), message->number("offset"));
  if (cmd == "policy-refresh" || cmd == "policy-remove" || cmd == "policy-import")
    return change(*message, domain, cmd, "by " + ipc::describe(who));
  return refusal("unknown command: " + cmd);
}

// What changes something, with who did it.
std::string Control::change(const ipc::JsonMessage& message, const std::string& domain,
                            const std::string& cmd, const std::string& who) {
  const Time now = clock_();
  if (cmd == "policy-import") {
    return import(ImportText{.domain = domain,
                             .id = message.text("id", rows::kWordBytes),
                             .body = message.text("body", limits::kPolicyBytes),
                             .fetched_at = time_of(message, "fetched_at", now)},
                  now, who);
  }
  rows::EventRow event;
  event.time = now;
  event.domain = domain;
  event.detail = who;
  if (cmd == "policy-refresh") return refresh(std::move(event));
  return remove(std::move(event), message.text("reason", kReasonBytes));
}

// A store that does not take the event is no reason not to look.
std::string Control::refresh(rows::EventRow event) {
  event.kind = name(EventKind::refresh_asked);
  engine_.refresh(event.domain);
  (void)store_.append_event(event);
  if (committed_) committed_(event);
  return done();
}

std::string Control::remove(rows::EventRow event, const std::string& reason) {
  event.kind = name(EventKind::policy_removed);
  if (!reason.empty()) event.detail += ": " + reason;
  const auto ended = store_.end_policy({.tenant = 0, .name = event.domain}, event.time, &event);
  if (!ended) return refusal(ended.error().message);
  if (!*ended) return refusal("no policy of " + event.domain + " is stored");
  if (committed_) committed_(event);
  return done();
}

std::string Control::import(const ImportText& text, Time now, const std::string& who) {
  auto imported = import_text(text, store_, now, who);
  if (!imported) return refusal(imported.error().message);
  if (committed_ && *imported == Imported::stored)
    committed_(imported_event(text.domain, now, who));
  std::string out;
  begin_answer(out).member("result", name(*imported)).end_object();
  return out;
}

}  // namespace mxw::policyd
