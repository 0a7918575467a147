// Decoding of lines: once over the line to see that it is one and where its row is, then over the
// row, whose type is known by then wherever in the line it stands.
#include <array>
#include <limits>
#include <utility>

#include "core/base/json_reader.hpp"
#include "core/feed/codec.hpp"
#include "core/feed/members.hpp"

namespace mxw::feed {
namespace {

using Kind = JsonValue::Kind;

template <typename Unsigned>
bool read_unsigned(const JsonValue& json, Unsigned& value, std::uint64_t most) {
  if (json.kind != Kind::integer || json.negative || json.magnitude > most) return false;
  value = static_cast<Unsigned>(json.magnitude);
  return true;
}

// Each is false where the value is of another type, or out of its range.
bool read(const JsonValue& json, std::string& text) {
  if (json.kind != Kind::string) return false;
  text = json.string();
  return true;
}
bool read(const JsonValue& json, bool& flag) {
  flag = json.truth;
  return json.kind == Kind::boolean;
}
bool read(const JsonValue& json, std::uint32_t& value) {
  return read_unsigned(json, value, std::numeric_limits<std::uint32_t>::max());
}
bool read(const JsonValue& json, std::uint64_t& value) {
  return read_unsigned(json, value, std::numeric_limits<std::uint64_t>::max());
}
bool read(const JsonValue& json, Time& time) {
  if (!json.negative) return read_unsigned(json, time.ns, std::numeric_limits<std::int64_t>::max());
  if (json.kind != Kind::integer) return false;
  time.ns = static_cast<std::int64_t>(0 - json.magnitude);
  return true;
}
bool read(const JsonValue& json, std::optional<Time>& time) {
  Time value;
  if (!read(json, value)) return false;
  time = value;
  return true;
}
bool read(const JsonValue& json, std::optional<std::string>& text) {
  return read(json, text.emplace());
}
bool read(const JsonValue& json, std::optional<std::uint16_t>& value) {
  return read_unsigned(json, value.emplace(), std::numeric_limits<std::uint16_t>::max());
}
bool read(const JsonValue& json, rows::VerdictState& state) {
  std::string word;
  if (json.kind != Kind::string) return false;
  state = rows::verdict_state(json.text(word));
  return true;
}
bool read(const JsonValue& json, rows::DomainState& state) {
  std::string word;
  if (json.kind != Kind::string) return false;
  state = rows::domain_state(json.text(word));
  return true;
}
bool read(const JsonValue& json, policy::Mode& mode) {
  std::string word;
  if (json.kind != Kind::string) return false;
  mode = rows::mode_of(json.text(word));
  return true;
}
bool read(const JsonValue& json, IpAddress& address) {
  std::string text;
  const auto parsed = json.kind != Kind::string ? std::nullopt : IpAddress::parse(json.text(text));
  if (parsed) address = *parsed;
  return parsed.has_value();
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
bool read(const JsonValue& json, std::vector<std::uint8_t>& octets) {
  if (json.kind != Kind::string || json.size % 2 != 0) return false;
  std::string buffer;
  const std::string_view text = json.text(buffer);
  octets.clear();
  octets.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return false;
    octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return true;
}

// The names a row is found by; without them it is no row.
bool named(const rows::DomainRow& row) {
  return !row.name.empty();
}
bool named(const rows::RouteRow& row) {
  return !row.policy_domain.empty() && !row.mx_host.empty();
}
bool named(const rows::TlsaRow& row) {
  return !row.base.empty();
}
bool named(const rows::PolicyFailureRow& row) {
  return !row.domain.empty() && !row.result.empty();
}
bool named(const auto& row) {
  return !row.domain.empty();
}

// Limits of a row type that the store does not write yet are not known here either.
template <typename Row>
bool fits(const Row& row) {
  if constexpr (requires { over_limit(row); }) return !over_limit(row);
  return true;
}

// The row's members as they come, each where the struct has it: rows written by us take one round.
// Of a name that comes twice the last counts; a bit of `wrong` says that it was of another type.
template <typename Row>
bool read_members(std::string_view text, Row& row) {
  JsonReader json(text, kLineDepth);
  std::uint32_t wrong = 0;
  for (bool more = json.next(); more;) {
    bool known = false;
    std::uint32_t bit = 1;
    members(row, [&](std::string_view key, auto& value) {
      if (more && json.key() == key) {
        known = true;
        wrong = read(json.value(), value) ? wrong & ~bit : wrong | bit;
        more = json.next();
      }
      bit <<= 1;
    });
    if (!known) more = json.next();
  }
  return wrong == 0;
}

Skip read_row(std::string_view text, rows::VerdictRow& row) {
  FlatVerdict flat;
  if (!read_members(text, flat)) return Skip::wrong_type;
  auto read = unflatten(std::move(flat));
  if (!read) return Skip::wrong_type;
  row = std::move(*read);
  return fits(row) ? Skip::none : Skip::over_limit;
}

template <typename Row>
Skip read_row(std::string_view text, Row& row) {
  if (!read_members(text, row) || !named(row)) return Skip::wrong_type;
  if constexpr (std::is_same_v<Row, rows::EventRow>) {
    if (row.detail.size() > rows::kDetailBytes) row.detail.resize(rows::kDetailBytes);
  }
  if constexpr (std::is_same_v<Row, rows::PolicyFailureRow>) {
    if (row.reason.size() > rows::kReasonBytes) row.reason.resize(rows::kReasonBytes);
  }
  return fits(row) ? Skip::none : Skip::over_limit;
}

// Takes the row if it is of this type: true, and the line is done. A type that is no member of
// rows::Change is a table not known.
template <typename Row>
bool take_as(std::string_view table, std::string_view json, Line& line) {
  if (table != table_of(Row{})) return false;
  if constexpr (std::is_constructible_v<rows::Change, Row>) {
    Row& row = line.change.emplace().emplace<Row>();
    line.skip = read_row(json, row);
    row.seq = line.seq;
    if (line.skip != Skip::none) line.change.reset();
  } else {
    line.skip = Skip::unknown_table;
  }
  return true;
}

void take_put(std::string_view table, std::string_view json, Line& line) {
  const bool known =
      take_as<rows::DomainRow>(table, json, line) || take_as<rows::PolicyRow>(table, json, line) ||
      take_as<rows::RouteRow>(table, json, line) || take_as<rows::TlsaRow>(table, json, line) ||
      take_as<rows::TlsrptRow>(table, json, line) || take_as<rows::RereadRow>(table, json, line) ||
      take_as<rows::EventRow>(table, json, line) ||
      take_as<rows::PolicyFailureRow>(table, json, line) ||
      take_as<rows::VerdictRow>(table, json, line);
  if (!known) line.skip = Skip::unknown_table;
}

std::optional<rows::Table> table_named(std::string_view word) {
  using rows::Table;
  for (const Table table :
       {Table::domain, Table::policy, Table::mx_route, Table::tlsa, Table::tlsrpt, Table::reread}) {
    if (word == rows::name(table)) return table;
  }
  return std::nullopt;
}

void take_del(std::string_view table, std::string_view text, Line& line) {
  const auto known = table_named(table);
  if (!known) {
    line.skip = Skip::unknown_table;
    return;
  }
  rows::Deletion row{.table = *known, .tenant = 0, .name = {}, .seq = line.seq};
  bool tenant = true, name = false;
  JsonReader json(text, kLineDepth);
  while (json.next()) {
    if (json.key() == "tenant") tenant = read(json.value(), row.tenant);
    if (json.key() == "name") name = read(json.value(), row.name);
  }
  if (!tenant || !name || row.name.empty()) {
    line.skip = Skip::wrong_type;
  } else if (row.name.size() > rows::kNameBytes) {
    line.skip = Skip::over_limit;
  } else {
    line.change.emplace(std::move(row));
  }
}

// The members of a line that we know, as it has them: the last of each name.
struct Envelope {
  std::optional<JsonValue> version, seq, op, table, row, from, puts;

  std::optional<JsonValue>* find(std::string_view key) {
    if (key == "v") return &version;
    if (key == "seq") return &seq;
    if (key == "op") return &op;
    if (key == "table") return &table;
    if (key == "row") return &row;
    if (key == "puts") return &puts;
    return key == "from" ? &from : nullptr;
  }
};

// False: no line.
bool open(std::string_view text, Envelope& line) {
  if (text.size() > kLineBytes) return false;
  JsonReader json(text, kLineDepth);
  while (json.next()) {
    if (std::optional<JsonValue>* const known = line.find(json.key())) *known = json.value();
  }
  return json.whole();
}

constexpr std::array<std::pair<std::string_view, Op>, 4> kOps = {
    {{"put", Op::put}, {"del", Op::del}, {"reset", Op::reset}, {"end", Op::end}}};

Skip read_op(const std::optional<JsonValue>& found, Op& op) {
  if (!found || found->kind != Kind::string) return Skip::wrong_type;
  std::string buffer;
  const std::string_view word = found->text(buffer);
  for (const auto& [name, value] : kOps) {
    if (word == name) {
      op = value;
      return Skip::none;
    }
  }
  return Skip::unknown_op;
}

bool our_version(const Envelope& line) {
  std::uint32_t version = 0;
  return line.version && read(*line.version, version) && version == kVersion;
}

void take_row(const Envelope& envelope, Line& line) {
  const auto& word = envelope.table;
  const auto& row = envelope.row;
  if (!word || word->kind != Kind::string || !row || row->kind != Kind::object) {
    line.skip = Skip::wrong_type;
    return;
  }
  std::string buffer;
  const std::string_view table = word->text(buffer);
  if (line.op == Op::put) {
    take_put(table, row->raw, line);
  } else {
    take_del(table, row->raw, line);
    // More than a set can have is none of ours: the lines stand for themselves.
    const auto& puts = envelope.puts;
    if (line.change && puts && !read_unsigned(*puts, line.puts, kPuts)) line.puts = 0;
  }
}

}  // namespace

Line decode(std::string_view text) {
  Line line;
  Envelope envelope;
  if (!open(text, envelope)) {
    line.skip = Skip::not_json;
  } else if (!our_version(envelope)) {
    line.skip = Skip::version;
  } else if (!envelope.seq || !read_unsigned(*envelope.seq, line.seq, kLastSequence)) {
    line.skip = Skip::wrong_type;
  } else {
    line.skip = read_op(envelope.op, line.op);
    if (line.skip == Skip::none && (line.op == Op::put || line.op == Op::del))
      take_row(envelope, line);
  }
  return line;
}

std::optional<rows::Sequence> decode_hello(std::string_view text) {
  Envelope hello;
  if (text.size() > kHelloBytes || !open(text, hello) || !our_version(hello)) return std::nullopt;
  rows::Sequence from = 0;
  if (hello.from && !read_unsigned(*hello.from, from, kLastSequence)) return std::nullopt;
  return from;
}

}  // namespace mxw::feed
