#include "reportd/control.hpp"

#include <algorithm>
#include <utility>

#include "core/base/digest.hpp"
#include "core/ipc/control.hpp"
#include "core/mail/name.hpp"
#include "core/report/gzip.hpp"
#include "core/report/limits.hpp"
#include "reportd/control_rows.hpp"
#include "reportd/day.hpp"
#include "reportd/fetcher.hpp"
#include "reportd/rua.hpp"

namespace mxw::reportd {
namespace {

using ipc::begin_answer;
using ipc::refusal;

std::string done() {
  std::string out;
  begin_answer(out).end_object();
  return out;
}

std::string piece_of(std::string_view text, std::uint64_t offset,
                     const std::function<void(JsonWriter&)>& more) {
  const std::string_view piece =
      text.substr(std::min<std::uint64_t>(offset, text.size()), Control::kPiece);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("size", text.size()).member("body", std::string_view(base64(as_bytes(piece))));
  if (more) more(json);
  json.end_object();
  return out;
}

}  // namespace

Result<void> Control::listen(EventLoop& loop, int listen_fd, ipc::PeerCheck peers) {
  ipc::SeqpacketServer::Options options;
  options.connections = ipc::kControlPeers;
  auto server = ipc::SeqpacketServer::create(
      loop, listen_fd, std::move(peers),
      [this](ipc::SeqpacketServer::Peer& peer, std::string_view message) {
        answer(message,
               [this, id = peer.id()](std::string reply) { server_->send(id, std::move(reply)); });
      },
      options);
  if (!server) return std::unexpected(std::move(server.error()));
  server_ = std::move(*server);
  return {};
}

void Control::answer(std::string_view octets, const Reply& reply) {
  const auto message = ipc::JsonMessage::parse(octets, ipc::kRequestBytes);
  if (!message) return reply(refusal("no request of version 1"));
  const std::string cmd = message->text("cmd", store::kWordBytes);
  if (cmd == "status") {
    std::string out;
    JsonWriter json = begin_answer(out);
    parts_.status(json);
    json.end_object();
    return reply(out);
  }
  if (cmd == "days") return reply(days());
  if (cmd == "inbox") return reply(inbox(*message));
  if (cmd == "import") return import(*message, reply);
  const auto day = parse_day(message->text("day", store::kWordBytes));
  if (!day) return reply(refusal(cmd.empty() ? "no command" : "no day is given, as 2026-11-26"));
  if (cmd == "list") return reply(list(*message, *day));
  if (cmd == "domains") return reply(domains(*message, *day));
  if (cmd == "build") return reply(build(*day));
  const auto host = mail::HostName::parse(message->text("domain", store::kNameBytes));
  if (!host) return reply(refusal("no domain name is given"));
  const store::ReportKey key{parts_.tenant, *day, host->text()};
  if (cmd == "show") return reply(show(key));
  if (cmd == "text") return reply(text(*message, key));
  if (cmd == "send") return reply(send(*message, key));
  reply(refusal("unknown command: " + cmd));
}

std::string Control::days() {
  const auto days = store::ReportBook(parts_.store.database()).days(parts_.tenant, kRows);
  if (!days) return refusal(days.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.key("days").begin_array();
  for (const store::DaySummary& day : *days) append(json, day);
  json.end_array().end_object();
  return out;
}

std::string Control::list(const ipc::JsonMessage& message, store::Day day) {
  auto rows =
      parts_.store.reports(parts_.tenant, day, message.text("after", store::kNameBytes), kRows + 1);
  if (!rows) return refusal(rows.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("more", rows->size() > kRows).key("rows").begin_array();
  if (rows->size() > kRows) rows->pop_back();
  for (const store::ReportRow& row : *rows) append(json, row);
  json.end_array().end_object();
  return out;
}

std::string Control::domains(const ipc::JsonMessage& message, store::Day day) {
  constexpr std::size_t kNames = 200;  // of 253 octets: below one answer
  auto names = parts_.store.domains(parts_.tenant, day, message.text("after", store::kNameBytes),
                                    kNames + 1);
  if (!names) return refusal(names.error().message);
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("more", names->size() > kNames).key("domains").begin_array();
  if (names->size() > kNames) names->pop_back();
  for (const std::string& name : *names) json.string(name);
  json.end_array().end_object();
  return out;
}

std::string Control::show(const store::ReportKey& key) {
  const auto row = parts_.store.report(key);
  const auto record = store::ReportBook(parts_.store.database()).record(key);
  const auto deliveries = parts_.store.deliveries(key);
  if (!row || !record || !deliveries) return refusal("the store cannot be read");
  if (!*row) return refusal("no report about " + key.domain + " of " + day_text(key.day));
  std::string out;
  JsonWriter json = begin_answer(out);
  json.key("row");
  append(json, **row);
  if (*record) json.member("record", std::string_view((*record)->record));
  json.key("deliveries").begin_array();
  for (const store::DeliveryRow& one : *deliveries) append(json, one);
  json.end_array().end_object();
  return out;
}

std::string Control::text(const ipc::JsonMessage& message, const store::ReportKey& key) {
  const std::string what = message.text("what", store::kWordBytes);
  const std::uint64_t offset = message.number("offset");
  if (what == "report") {
    const auto octets = parts_.store.report_bytes(key);
    if (!octets) return refusal(octets.error().message);
    if (!*octets) return refusal("no report about " + key.domain + " of " + day_text(key.day));
    const auto json = report::gunzip(as_text(**octets));
    if (!json) return refusal("the stored report is damaged: " + std::string(word(json.error())));
    return piece_of(*json, offset, {});
  }
  if (what == "build") {
    const DayRun::One one = parts_.days.look(key);
    if (!one.report) return refusal("nothing of " + key.domain + " to report on that day");
    return piece_of(one.json, offset, [&](JsonWriter& json) {
      json.member("built", name(one.built)).member("record", std::string_view(one.record));
      json.member("sessions", one.report->sessions);
      json.member("undetermined", one.report->undetermined);
      json.member("sensor_only", one.report->sensor_only);
    });
  }
  if (what != "fetcher") return refusal("unknown text: " + what);
  if (parts_.send)
    return refusal("our own delivery is on (tlsrpt.send.enabled): two would report the same");
  const auto text = fetcher_text(parts_.store, key);
  return text ? piece_of(*text, offset, {}) : refusal(text.error().message);
}

std::string Control::build(store::Day day) {
  if (day > last_complete(parts_.clock()))
    return refusal("that day is not complete yet; --partial shows what it would be so far");
  if (const std::string why = parts_.days.why_not(); !why.empty())
    return refusal("nothing is built: " + why);
  if (auto again = parts_.days.again(day); !again) return refusal(again.error().message);
  parts_.days.tick(parts_.clock());
  return done();
}

std::string Control::send(const ipc::JsonMessage& message, const store::ReportKey& key) {
  const auto row = parts_.store.report(key);
  const auto record = store::ReportBook(parts_.store.database()).record(key);
  if (!row || !record) return refusal("the store cannot be read");
  if (!*row) return refusal("no report about " + key.domain + " of " + day_text(key.day));
  const RuaList rua = rua_of(*record ? std::string_view((*record)->record) : std::string_view());
  const bool dry_run = message.boolean("dry_run");
  if (!dry_run && !parts_.send) return refusal("sending is off (tlsrpt.send.enabled)");
  const store::ReportState state = (*row)->state;
  const bool over = state == store::ReportState::sending || state == store::ReportState::accepted;
  if (over && !dry_run) return refusal("this report is " + std::string(name(state)) + " already");
  if (!dry_run) {
    store::ReportRow moved = **row;
    moved.state = store::ReportState::queued;
    moved.next_at = parts_.clock();
    moved.first_at.reset();
    moved.ended_at.reset();
    moved.tries = 0;
    moved.detail.clear();
    const auto done = parts_.store.move_report(moved, state);
    if (!done) return refusal(done.error().message);
    if (!*done) return refusal("this report has just changed");
  }
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("queued", !dry_run).key("rua").begin_array();
  for (const Rua& one : rua.rua) {
    const auto gone = parts_.store.suppression(parts_.tenant, one.address, parts_.clock());
    json.begin_object().member("v", 1).member("uri", std::string_view(one.uri));
    json.member("suppressed", gone && *gone).end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string Control::inbox(const ipc::JsonMessage& message) {
  const store::Day today = store::day_of(parts_.clock());
  const auto from = parse_day(message.text("from", store::kWordBytes)).value_or(today - 30);
  const auto to = parse_day(message.text("to", store::kWordBytes)).value_or(today + 1);
  std::string domain;
  if (message.has("domain")) {
    const auto host = mail::HostName::parse(message.text("domain", store::kNameBytes));
    if (!host) return refusal("no domain name is given");
    domain = host->text();
  }
  store::IntakeStore& intake = parts_.intake_store;
  const auto days = intake.days(parts_.tenant, from, to, domain, 2 * kRows);
  const auto causes = intake.causes(parts_.tenant, from, to, domain, kRows / 2);
  const auto reporters = intake.reporters(parts_.tenant, from, to, domain, kRows / 2);
  const auto waiting = intake.count(parts_.tenant, store::IntakeState::quarantined);
  if (!days || !causes || !reporters || !waiting) return refusal("the store cannot be read");
  std::string out;
  JsonWriter json = begin_answer(out);
  json.member("quarantined", *waiting).member("cut", days->size() >= 2 * kRows);
  json.key("days").begin_array();
  for (const store::IntakeDay& one : *days) append(json, one);
  json.end_array().key("causes").begin_array();
  for (const store::IntakeCause& one : *causes) append(json, one);
  json.end_array().key("reporters").begin_array();
  for (const store::IntakeReporter& one : *reporters) append(json, one);
  json.end_array().end_object();
  return out;
}

void Control::import(const ipc::JsonMessage& message, const Reply& reply) {
  const Time now = parts_.clock();
  std::erase_if(uploads_, [&](const auto& one) { return now - one.second.last > kUploadTime; });
  const std::string id = message.text("id", store::kWordBytes);
  const std::uint64_t offset = message.number("offset"), size = message.number("size");
  const auto piece = from_base64(message.text("body", ipc::kRequestBytes));
  if (id.empty() || !piece || size > report::kInputBytes)
    return reply(refusal("an import has id, offset, size and a body in base64, at most " +
                         std::to_string(report::kInputBytes) + " octets"));
  if (offset == 0) uploads_.erase(id);
  if (offset == 0 && uploads_.size() >= kUploads)
    return reply(refusal("too many imports at the same time"));
  Upload& upload = uploads_[id];
  upload.last = now;
  if (upload.octets.size() != offset || offset + piece->size() > size) {
    uploads_.erase(id);
    return reply(refusal("the pieces of an import come in order"));
  }
  upload.octets += as_text(*piece);
  if (upload.octets.size() < size) return reply(done());
  std::string octets = std::move(upload.octets);
  uploads_.erase(id);
  parts_.intake.import(std::move(octets),
                       {message.boolean("dry_run"), message.boolean("quarantine")}, now,
                       [reply](const TakenReport& taken) {
                         std::string out;
                         JsonWriter json = begin_answer(out);
                         append(json, taken);
                         json.end_object();
                         reply(out);
                       });
}

}  // namespace mxw::reportd
