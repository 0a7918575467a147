// Decoding of lines. The JSON library is asked not to throw, and what it made is only read by
// pointer: a member of another type is no pointer.
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/feed/codec.hpp"
#include "core/feed/members.hpp"

namespace mxw::feed {
namespace {

using Json = nlohmann::json;

// Nesting is bounded before the text is parsed: hundreds of thousands of brackets cost nothing.
bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kLineDepth) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// A discarded value where it is no object.
Json parse_object(std::string_view text) {
  if (text.size() > kLineBytes || too_deep(text)) return Json(Json::value_t::discarded);
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Json(Json::value_t::discarded);
  return json;
}

const Json* member(const Json& object, std::string_view key) {
  const auto at = object.find(key);
  return at == object.end() ? nullptr : &*at;
}

template <typename Unsigned>
bool read_unsigned(const Json& json, Unsigned& value, std::uint64_t most) {
  const auto* number = json.get_ptr<const Json::number_unsigned_t*>();
  if (number == nullptr || *number > most) return false;
  value = static_cast<Unsigned>(*number);
  return true;
}

bool read(const Json& json, std::string& text) {
  const auto* string = json.get_ptr<const Json::string_t*>();
  if (string != nullptr) text = *string;
  return string != nullptr;
}
bool read(const Json& json, bool& flag) {
  const auto* boolean = json.get_ptr<const Json::boolean_t*>();
  if (boolean != nullptr) flag = *boolean;
  return boolean != nullptr;
}
bool read(const Json& json, std::uint32_t& value) {
  return read_unsigned(json, value, std::numeric_limits<std::uint32_t>::max());
}
bool read(const Json& json, std::uint64_t& value) {
  return read_unsigned(json, value, std::numeric_limits<std::uint64_t>::max());
}
bool read(const Json& json, Time& time) {
  if (json.is_number_unsigned())
    return read_unsigned(json, time.ns, std::numeric_limits<std::int64_t>::max());
  const auto* number = json.get_ptr<const Json::number_integer_t*>();
  if (number != nullptr) time.ns = *number;
  return number != nullptr;
}
bool read(const Json& json, std::optional<Time>& time) {
  Time value;
  if (!read(json, value)) return false;
  time = value;
  return true;
}
bool read(const Json& json, rows::DomainState& state) {
  std::string word;
  if (!read(json, word)) return false;
  state = rows::domain_state(word);
  return true;
}
bool read(const Json& json, policy::Mode& mode) {
  std::string word;
  if (!read(json, word)) return false;
  mode = rows::mode_of(word);
  return true;
}
bool read(const Json& json, IpAddress& address) {
  const auto* text = json.get_ptr<const Json::string_t*>();
  const auto parsed = text == nullptr ? std::nullopt : IpAddress::parse(*text);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
bool read(const Json& json, std::vector<std::uint8_t>& octets) {
  const auto* text = json.get_ptr<const Json::string_t*>();
  if (text == nullptr || text->size() % 2 != 0) return false;
  octets.reserve(text->size() / 2);
  for (std::size_t i = 0; i < text->size(); i += 2) {
    const int high = nibble((*text)[i]), low = nibble((*text)[i + 1]);
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
bool named(const auto& row) {
  return !row.domain.empty();
}

// Limits of a row type that the store does not write yet are not known here either.
template <typename Row>
bool fits(const Row& row) {
  if constexpr (requires { over_limit(row); }) return !over_limit(row);
  return true;
}

template <typename Row>
Skip read_row(const Json& json, Row& row) {
  Skip skip = Skip::none;
  members(row, [&](std::string_view key, auto& value) {
    const Json* found = member(json, key);
    if (found != nullptr && !read(*found, value)) skip = Skip::wrong_type;
  });
  if (skip != Skip::none) return skip;
  if (!named(row)) return Skip::wrong_type;
  if constexpr (std::is_same_v<Row, rows::EventRow>) {
    if (row.detail.size() > rows::kDetailBytes) row.detail.resize(rows::kDetailBytes);
  }
  return fits(row) ? Skip::none : Skip::over_limit;
}

// Takes the row if it is of this type: true, and the line is done. A type that is no member of
// rows::Change is a table not known.
template <typename Row>
bool take_as(std::string_view table, const Json& json, Line& line) {
  if (table != table_of(Row{})) return false;
  if constexpr (std::is_constructible_v<rows::Change, Row>) {
    Row row;
    line.skip = read_row(json, row);
    row.seq = line.seq;
    if (line.skip == Skip::none) line.change.emplace(std::move(row));
  } else {
    line.skip = Skip::unknown_table;
  }
  return true;
}

void take_put(std::string_view table, const Json& json, Line& line) {
  const bool known =
      take_as<rows::DomainRow>(table, json, line) || take_as<rows::PolicyRow>(table, json, line) ||
      take_as<rows::RouteRow>(table, json, line) || take_as<rows::TlsaRow>(table, json, line) ||
      take_as<rows::TlsrptRow>(table, json, line) || take_as<rows::RereadRow>(table, json, line) ||
      take_as<rows::EventRow>(table, json, line);
  if (!known) line.skip = Skip::unknown_table;
}

template <typename Table>
std::optional<Table> table_named(std::string_view word) {
  std::vector<Table> tables = {Table::domain, Table::policy, Table::mx_route, Table::tlsa};
  if constexpr (requires { Table::tlsrpt; }) tables.push_back(Table::tlsrpt);
  if constexpr (requires { Table::reread; }) tables.push_back(Table::reread);
  for (const Table table : tables) {
    if (word == rows::name(table)) return table;
  }
  return std::nullopt;
}

void take_del(std::string_view table, const Json& json, Line& line) {
  const auto known = table_named<rows::Table>(table);
  if (!known) {
    line.skip = Skip::unknown_table;
    return;
  }
  rows::Deletion row{.table = *known, .tenant = 0, .name = {}, .seq = line.seq};
  const Json* tenant = member(json, "tenant");
  const Json* name = member(json, "name");
  if ((tenant != nullptr && !read(*tenant, row.tenant)) || name == nullptr ||
      !read(*name, row.name) || row.name.empty()) {
    line.skip = Skip::wrong_type;
  } else if (row.name.size() > rows::kNameBytes) {
    line.skip = Skip::over_limit;
  } else {
    line.change.emplace(std::move(row));
  }
}

Skip read_op(const Json& json, Op& op) {
  std::string word;
  const Json* found = member(json, "op");
  if (found == nullptr || !read(*found, word)) return Skip::wrong_type;
  for (const auto& [name, value] : {std::pair{"put", Op::put}, std::pair{"del", Op::del},
                                    std::pair{"reset", Op::reset}, std::pair{"end", Op::end}}) {
    if (word == name) {
      op = value;
      return Skip::none;
    }
  }
  return Skip::unknown_op;
}

bool our_version(const Json& json) {
  std::uint32_t version = 0;
  const Json* found = member(json, "v");
  return found != nullptr && read(*found, version) && version == kVersion;
}

void take_row(const Json& json, Line& line) {
  std::string table;
  const Json* word = member(json, "table");
  const Json* row = member(json, "row");
  if (word == nullptr || !read(*word, table) || row == nullptr || !row->is_object()) {
    line.skip = Skip::wrong_type;
  } else if (line.op == Op::put) {
    take_put(table, *row, line);
  } else {
    take_del(table, *row, line);
  }
}

}  // namespace

Line decode(std::string_view text) {
  Line line;
  const Json json = parse_object(text);
  if (json.is_discarded()) {
    line.skip = Skip::not_json;
    return line;
  }
  if (!our_version(json)) {
    line.skip = Skip::version;
    return line;
  }
  const Json* seq = member(json, "seq");
  if (seq == nullptr || !read_unsigned(*seq, line.seq, kLastSequence)) {
    line.skip = Skip::wrong_type;
    return line;
  }
  line.skip = read_op(json, line.op);
  if (line.skip == Skip::none && (line.op == Op::put || line.op == Op::del)) take_row(json, line);
  return line;
}

std::optional<rows::Sequence> decode_hello(std::string_view text) {
  if (text.size() > kHelloBytes) return std::nullopt;
  const Json json = parse_object(text);
  if (json.is_discarded() || !our_version(json)) return std::nullopt;
  rows::Sequence from = 0;
  const Json* found = member(json, "from");
  if (found != nullptr && !read_unsigned(*found, from, kLastSequence)) return std::nullopt;
  return from;
}

}  // namespace mxw::feed
