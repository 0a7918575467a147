// Clauses: [field, op, value], checked against the field table.
#include <algorithm>
#include <cmath>

#include "core/base/time.hpp"
#include "core/rules/readers.hpp"

namespace mxw::rules {
namespace {

constexpr std::size_t kMaxClauses = 32;  // of one list; shipped rules have at most 8

std::optional<Op> parse_op(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(Op::lacks); ++i) {
    const Op op = static_cast<Op>(i);
    if (name(op) == word) return op;
  }
  return std::nullopt;
}

bool takes_list(Op op) {
  return op == Op::in || op == Op::not_in;
}

// Equality of computed shares is a trap, so real numbers are only ordered.
bool op_fits(FieldType type, Op op) {
  const bool equality = op == Op::eq || op == Op::ne;
  const bool order = op == Op::lt || op == Op::le || op == Op::gt || op == Op::ge;
  switch (type) {
    case FieldType::boolean:
      return equality;
    case FieldType::unsigned_integer:
    case FieldType::integer:
      return equality || order || takes_list(op);
    case FieldType::real:
    case FieldType::time:
      return order;
    case FieldType::text:
    case FieldType::enumeration:
      return equality || takes_list(op);
    case FieldType::text_set:
      return op == Op::has || op == Op::lacks;
  }
  return false;
}

std::optional<std::string> text_literal(const FieldInfo& field, const Node& node) {
  const auto* text = node.as<std::string>();
  if (text == nullptr) return std::nullopt;
  if (field.type == FieldType::enumeration &&
      std::ranges::find(field.enum_values, *text) == field.enum_values.end()) {
    return std::nullopt;
  }
  return *text;
}

std::optional<Time> time_literal(const Node& node) {
  if (const auto* date = node.as<DateText>()) return parse_rfc3339(date->text);
  const auto* text = node.as<std::string>();
  return text == nullptr ? std::nullopt : parse_rfc3339(*text);
}

std::optional<Literal> scalar_literal(const FieldInfo& field, const Node& node) {
  switch (field.type) {
    case FieldType::boolean:
      if (const auto* value = node.as<bool>()) return *value;
      return std::nullopt;
    case FieldType::unsigned_integer:
      if (const auto* value = node.as<std::int64_t>(); value != nullptr && *value >= 0) {
        return static_cast<std::uint64_t>(*value);
      }
      return std::nullopt;
    case FieldType::integer:
      if (const auto* value = node.as<std::int64_t>()) return *value;
      return std::nullopt;
    case FieldType::real:
      if (const auto* value = node.as<std::int64_t>()) return static_cast<double>(*value);
      if (const auto* value = node.as<double>(); value != nullptr && std::isfinite(*value)) {
        return *value;
      }
      return std::nullopt;
    case FieldType::time:
      if (const auto value = time_literal(node)) return value->ns;
      return std::nullopt;
    case FieldType::text:
    case FieldType::enumeration:
    case FieldType::text_set:
      if (auto value = text_literal(field, node)) return *std::move(value);
      return std::nullopt;
  }
  return std::nullopt;
}

template <typename T>
std::optional<Literal> list_of(const FieldInfo& field, const Node::Array& items) {
  std::vector<T> list;
  for (const Node& item : items) {
    const std::optional<Literal> value = scalar_literal(field, item);
    if (!value) return std::nullopt;
    list.push_back(std::get<T>(*value));
  }
  if (list.empty()) return std::nullopt;
  return list;
}

// REQUIRES: op_fits(field.type, in).
std::optional<Literal> list_literal(const FieldInfo& field, const Node& node) {
  const auto* items = node.as<Node::Array>();
  if (items == nullptr) return std::nullopt;
  if (field.type == FieldType::unsigned_integer) return list_of<std::uint64_t>(field, *items);
  if (field.type == FieldType::integer) return list_of<std::int64_t>(field, *items);
  return list_of<std::string>(field, *items);
}

std::string expectation(const FieldInfo& field, bool list) {
  std::string text = std::string(field.name) + " takes ";
  text += list ? "a list of: " : "a value of type: ";
  text += name(field.type);
  for (std::size_t i = 0; i < field.enum_values.size(); ++i) {
    text += (i == 0 ? " (" : ", ") + std::string(field.enum_values[i]);
  }
  return field.enum_values.empty() ? text : text + ")";
}

// Field and operator, where they are known and fit each other.
struct Subject {
  Field field;
  Op op;
};

std::optional<Subject> read_subject(const Node::Array& parts, Problems& problems) {
  const std::string& field_name = *parts[0].as<std::string>();
  const std::string& op_name = *parts[1].as<std::string>();
  const std::optional<Field> field = find_field(field_name);
  const std::optional<Op> op = parse_op(op_name);
  if (!field) problems.add(parts[0], "unknown field \"" + field_name + "\"");
  if (!op) problems.add(parts[1], "unknown operator \"" + op_name + "\"");
  if (!field || !op) return std::nullopt;
  if (op_fits(info(*field).type, *op)) return Subject{*field, *op};
  problems.add(parts[1], "operator " + op_name + " does not fit " + field_name + " (" +
                             std::string(name(info(*field).type)) + ")");
  return std::nullopt;
}

Clause read_clause(const Node& node, Params& params, std::map<std::string, Literal>& named,
                   Problems& problems) {
  Clause clause;
  clause.line = node.line;
  const auto* parts = node.as<Node::Array>();
  if (parts == nullptr || parts->size() != 3 || (*parts)[0].as<std::string>() == nullptr ||
      (*parts)[1].as<std::string>() == nullptr) {
    problems.add(node, "a clause is [field, op, value]");
    return clause;
  }
  const std::optional<Subject> subject = read_subject(*parts, problems);
  if (!subject) return clause;
  clause.field = subject->field;
  clause.op = subject->op;

  const Node* value = &(*parts)[2];
  std::string param;
  if (const auto* text = value->as<std::string>(); text != nullptr && text->starts_with('$')) {
    param = text->substr(1);
    value = params.use(param);
    if (value == nullptr) {
      problems.add((*parts)[2], "no parameter \"" + param + "\" in [params]");
      return clause;
    }
  }
  const bool list = takes_list(clause.op);
  const FieldInfo& about = info(clause.field);
  std::optional<Literal> literal =
      list ? list_literal(about, *value) : scalar_literal(about, *value);
  if (!literal) {
    problems.add(*value, expectation(about, list));
    return clause;
  }
  clause.literal = *std::move(literal);
  if (!param.empty()) named.insert_or_assign(param, clause.literal);
  return clause;
}

}  // namespace

Params::Params(const Node* table, Problems& problems) {
  if (table == nullptr) return;
  const auto* entries = table->as<Node::Table>();
  if (entries == nullptr) {
    problems.add(*table, "[params] is not a table");
    return;
  }
  for (const Entry& entry : *entries) params_[entry.key] = {&entry.value, false};
}

const Node* Params::use(const std::string& name) {
  const auto it = params_.find(name);
  if (it == params_.end()) return nullptr;
  it->second.used = true;
  return it->second.value;
}

void Params::check_all_used(Problems& problems) const {
  for (const auto& [name, param] : params_) {
    if (!param.used) problems.add(*param.value, "no clause uses the parameter \"" + name + "\"");
  }
}

std::vector<Clause> read_clauses(const Node& node, std::string_view key, Params& params,
                                 std::map<std::string, Literal>& named, Problems& problems) {
  std::vector<Clause> clauses;
  const Node::Array* items = read_array(node, key, problems);
  if (items == nullptr) return clauses;
  if (items->empty() || items->size() > kMaxClauses) {
    problems.add(node, "\"" + std::string(key) + "\" needs 1 to 32 clauses");
    return clauses;
  }
  for (const Node& item : *items) clauses.push_back(read_clause(item, params, named, problems));
  return clauses;
}

}  // namespace mxw::rules
