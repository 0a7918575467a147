#include "core/feed/codec.hpp"

#include <array>

#include "core/base/digest.hpp"
#include "core/base/json_writer.hpp"
#include "core/feed/members.hpp"

namespace mxw::feed {
namespace {

constexpr std::array<std::string_view, kSkips> kSkipNames = {
    "none", "not-json", "version", "unknown-op", "unknown-table", "wrong-type", "over-limit"};

void write(JsonWriter& json, std::string_view key, const std::string& text) {
  json.member(key, std::string_view(text));
}
void write(JsonWriter& json, std::string_view key, bool flag) {
  json.member(key, flag);
}
void write(JsonWriter& json, std::string_view key, std::uint32_t value) {
  json.member(key, value);
}
void write(JsonWriter& json, std::string_view key, std::uint64_t value) {
  json.member(key, value);
}
void write(JsonWriter& json, std::string_view key, Time time) {
  json.member(key, time.ns);
}
void write(JsonWriter& json, std::string_view key, const std::optional<Time>& time) {
  if (time) json.member(key, time->ns);
}
void write(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  if (text) json.member(key, std::string_view(*text));
}
void write(JsonWriter& json, std::string_view key, const std::optional<std::uint16_t>& value) {
  if (value) json.member(key, std::uint32_t{*value});
}
void write(JsonWriter& json, std::string_view key, rows::VerdictState state) {
  json.member(key, name(state));
}
void write(JsonWriter& json, std::string_view key, rows::DomainState state) {
  json.member(key, name(state));
}
void write(JsonWriter& json, std::string_view key, policy::Mode mode) {
  json.member(key, policy::mode_name(mode));
}
void write(JsonWriter& json, std::string_view key, const IpAddress& address) {
  if (address.family != 0) json.member(key, std::string_view(address.text()));
}
void write(JsonWriter& json, std::string_view key, const std::vector<std::uint8_t>& octets) {
  json.member(key, std::string_view(hex(octets)));
}

JsonWriter begin(std::string& out, rows::Sequence seq, std::string_view op) {
  JsonWriter json(out);
  json.begin_object().member("v", kVersion).member("seq", seq).member("op", op);
  return json;
}

void finish(std::string& out, JsonWriter& json) {
  json.end_object();
  out += '\n';
}

template <typename Row>
void append_put(std::string& out, std::string_view table, rows::Sequence seq, const Row& row) {
  JsonWriter json = begin(out, seq, "put");
  json.member("table", table).key("row").begin_object();
  members(row, [&](std::string_view key, const auto& value) { write(json, key, value); });
  json.end_object();
  finish(out, json);
}

template <typename Row>
void append_put(std::string& out, const Row& row) {
  append_put(out, table_of(row), row.seq, row);
}

}  // namespace

std::string_view name(Skip skip) {
  return kSkipNames.at(static_cast<std::size_t>(skip));
}

void append_line(std::string& out, const rows::Deletion& row, std::uint32_t puts) {
  JsonWriter json = begin(out, row.seq, "del");
  json.member("table", name(row.table)).key("row").begin_object();
  json.member("tenant", row.tenant).member("name", std::string_view(row.name)).end_object();
  if (puts > 0) json.member("puts", puts);
  finish(out, json);
}

void append_line(std::string& out, const rows::DomainRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::PolicyRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::RouteRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::TlsaRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::TlsrptRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::RereadRow& row) {
  append_put(out, row);
}
void append_line(std::string& out, const rows::EventRow& row) {
  append_put(out, row);
}

void append_line(std::string& out, const rows::PolicyFailureRow& row) {
  append_put(out, row);
}

void append_line(std::string& out, const rows::VerdictRow& row) {
  append_put(out, table_of(row), row.seq, flatten(row));
}

void append_line(std::string& out, const rows::Change& change) {
  std::visit([&](const auto& row) { append_line(out, row); }, change);
}

void append_reset(std::string& out, rows::Sequence head) {
  JsonWriter json = begin(out, head, "reset");
  finish(out, json);
}

void append_end(std::string& out, rows::Sequence head) {
  JsonWriter json = begin(out, head, "end");
  finish(out, json);
}

void append_hello(std::string& out, rows::Sequence from) {
  JsonWriter json(out);
  json.begin_object().member("v", kVersion).member("from", from);
  finish(out, json);
}

}  // namespace mxw::feed
