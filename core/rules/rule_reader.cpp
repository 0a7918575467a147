// A rule file as a whole. The tree may hold values of an override file; they carry their own file
// and line.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/time.hpp"
#include "core/rules/readers.hpp"

namespace mxw::rules {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::size_t kMaxCases = 32;
constexpr std::string_view kNoReport = "none";  // tlsrpt.result of a case that is not reported

// Evidence to be told from others: the sources of false alarms that rules/CATALOGUE.md lists.
bool is_fp_code(std::string_view code) {
  if (code == "F1b") return true;
  if (!code.starts_with('F')) return false;
  const auto number = ascii::parse_u64(code.substr(1));
  return number && *number >= 1 && *number <= 20 && code[1] != '0';
}

bool is_id(std::string_view id) {
  return id.size() == 3 && id[0] == 'R' && ascii::is_digit(id[1]) && ascii::is_digit(id[2]) &&
         id != "R00";
}

template <typename E>
WordSet<E> read_set(const Node& node, std::string_view key,
                    std::optional<E> (*parse)(std::string_view), std::string_view what,
                    Problems& problems) {
  WordSet<E> set;
  for (const std::string& word : read_texts(node, key, problems)) {
    if (const auto value = parse(word)) {
      set.insert(*value);
    } else {
      problems.add(node, '"' + word + "\" is no " + std::string(what));
    }
  }
  if (set.empty()) problems.add(node, '"' + std::string(key) + "\" is empty");
  return set;
}

TlsRpt read_tlsrpt(const Node& node, bool of_case, Problems& problems) {
  TableReader table(node, "tlsrpt", problems);
  TlsRpt report{table.text("result"), table.optional_text("reason")};
  table.finish();
  if (of_case && report.result == kNoReport) return {};
  if (problems.none() && !is_tlsrpt_result(report.result)) {
    problems.add(*table.need("result"), '"' + report.result + "\" is no TLS-RPT result type");
  }
  return report;
}

Case read_case(const Node& node, Params& params, std::map<std::string, Literal>& named,
               Problems& problems) {
  TableReader table(node, "[[case]]", problems);
  Case c;
  c.line = node.line;
  if (const Node* list = table.optional("when")) {
    c.when = read_clauses(*list, "when", params, named, problems);
  }
  if (const Node* list = table.optional("any")) {
    c.any = read_clauses(*list, "any", params, named, problems);
  }
  if (const Node* list = table.optional("unless")) {
    c.unless = read_clauses(*list, "unless", params, named, problems);
  }
  if (c.when.empty() && c.any.empty()) problems.add(node, "a case needs \"when\" or \"any\"");
  c.severity = table.optional_word("severity", parse_severity, "severity");
  c.confidence = table.optional_word("confidence", parse_confidence, "confidence");
  c.scope = table.optional_word("scope", parse_scope, "scope");
  c.at = table.optional_word("at", parse_at, "decision point");
  c.reason = table.optional_text("reason");
  if (const Node* report = table.optional("tlsrpt")) {
    c.tlsrpt = read_tlsrpt(*report, true, problems);
  }
  table.finish();
  return c;
}

void read_cases(TableReader& table, Params& params, Rule& rule) {
  const Node* node = table.need("case");
  const Node::Array* items =
      node == nullptr ? nullptr : read_array(*node, "case", table.problems());
  if (items == nullptr) return;
  if (items->empty() || items->size() > kMaxCases) {
    table.problems().add(*node, "a rule has 1 to 32 cases");
    return;
  }
  std::map<std::string, Literal> named;
  for (const Node& item : *items) {
    rule.cases.push_back(read_case(item, params, named, table.problems()));
    const Case& c = rule.cases.back();
    if (c.at && !has_points(effective_scope(rule, c))) {
      table.problems().add(item, "\"at\" has no meaning in this scope");
    }
  }
  rule.params.assign(named.begin(), named.end());
}

void read_actions(const Node& node, Rule& rule, Problems& problems) {
  TableReader table(node, "[actions]", problems);
  if (const Node* base = table.need("base")) {
    rule.base = read_set(*base, "base", parse_action, "action", problems);
    if (rule.base.has(Action::defer)) {
      problems.add(*base, "\"defer\" is only for \"protected\"");
    }
  }
  rule.protected_ = rule.base;
  if (const Node* protected_node = table.optional("protected")) {
    rule.protected_ = read_set(*protected_node, "protected", parse_action, "action", problems);
  }
  table.finish();
}

Documentation read_doc(const Node& node, Problems& problems) {
  TableReader table(node, "[doc]", problems);
  Documentation doc;
  doc.refs = table.texts("refs");
  doc.fp = table.texts("fp");
  doc.not_excluded = table.texts("not_excluded");
  doc.next = table.text("next");
  for (const std::string& code : doc.fp) {
    if (!is_fp_code(code)) {
      problems.add(*table.need("fp"), '"' + code + "\" is no false-positive code (F1 to F20, F1b)");
    }
  }
  if (problems.none() && doc.not_excluded.empty()) {
    problems.add(*table.need("not_excluded"), "\"not_excluded\" is empty");
  }
  table.finish();
  return doc;
}

void read_head(TableReader& table, Rule& rule) {
  Problems& problems = table.problems();
  rule.id = table.text("id");
  if (problems.none() && !is_id(rule.id)) {
    problems.add(*table.need("id"), '"' + rule.id + "\" is no rule id (R01 to R99)");
  }
  if (const std::int64_t schema = table.number("schema"); problems.none() && schema != kSchema) {
    problems.add(*table.need("schema"), "schema " + std::to_string(schema) + " is not known");
  }
  const std::int64_t rev = table.number("rev");
  if (problems.none() && (rev < 1 || rev > 1'000'000)) {
    problems.add(*table.need("rev"), "\"rev\" must be 1 to 1000000");
  }
  if (!problems.none()) return;
  rule.number = static_cast<unsigned>((rule.id[1] - '0') * 10 + (rule.id[2] - '0'));
  rule.rev = static_cast<unsigned>(rev);
  rule.title = table.text("title");
  rule.category = table.text("category");
  if (const Node* created = table.need("created")) {
    const auto* date = created->as<DateText>();
    if (date != nullptr && parse_rfc3339(date->text + "T00:00:00Z")) {
      rule.created = date->text;
    } else {
      problems.add(*created, "\"created\" is no date");
    }
  }
}

void read_judgement(TableReader& table, Rule& rule) {
  Problems& problems = table.problems();
  rule.scope = table.word("scope", parse_scope, "scope");
  const bool points = has_points(rule.scope);
  if (const Node* at = points ? table.need("at") : table.optional("at")) {
    rule.at = table.word_of(*at, parse_at, "decision point").value_or(At::end);
    if (!points) problems.add(*at, "\"at\" has no meaning in this scope");
  }
  rule.roles = {Role::outbound, Role::inbound, Role::internal, Role::transit, Role::unknown};
  if (const Node* role = table.optional("role")) {
    rule.roles = read_set(*role, "role", parse_role, "role", problems);
  }
  rule.severity = table.word("severity", parse_severity, "severity");
  rule.confidence = table.word("confidence", parse_confidence, "confidence");
  if (const Node* enabled = table.optional("enabled")) {
    const bool* value = enabled->as<bool>();
    if (value == nullptr) problems.add(*enabled, "\"enabled\" is true or false");
    rule.enabled = value == nullptr || *value;
  }
}

// Only capture.* blocks when unknown (semantics 3), so only they can be allowed.
std::vector<Field> read_allow_unknown(const Node& node, Problems& problems) {
  std::vector<Field> fields;
  for (const std::string& word : read_texts(node, "allow_unknown", problems)) {
    const std::optional<Field> field = find_field(word);
    if (!field || !word.starts_with("capture.")) {
      problems.add(node, '"' + word + "\" is no capture.* field");
    } else {
      fields.push_back(*field);
    }
  }
  return fields;
}

void collect_reads(Rule& rule) {
  for (const Case& c : rule.cases) {
    for (const auto* list : {&c.when, &c.any, &c.unless}) {
      for (const Clause& clause : *list) rule.reads.push_back(clause.field);
    }
  }
  std::ranges::sort(rule.reads);
  const auto repeated = std::ranges::unique(rule.reads);
  rule.reads.erase(repeated.begin(), repeated.end());
}

}  // namespace

Rule read_rule(const Node& root, Problems& problems) {
  Rule rule;
  TableReader table(root, "the rule", problems);
  read_head(table, rule);
  if (!problems.none()) return rule;
  read_judgement(table, rule);
  Params params(table.optional("params"), problems);
  read_cases(table, params, rule);
  params.check_all_used(problems);
  if (const Node* node = table.optional("allow_unknown")) {
    rule.allow_unknown = read_allow_unknown(*node, problems);
  }
  if (const Node* node = table.optional("exempt")) rule.exempt = read_exemptions(*node, problems);
  if (const Node* node = table.optional("throttle")) rule.throttle = read_throttle(*node, problems);
  if (const Node* node = table.need("actions")) read_actions(*node, rule, problems);
  if (const Node* node = table.optional("tlsrpt"))
    rule.tlsrpt = read_tlsrpt(*node, false, problems);
  if (const Node* node = table.need("doc")) rule.doc = read_doc(*node, problems);
  table.finish();
  collect_reads(rule);
  return rule;
}

}  // namespace mxw::rules
