#include "core/rules/loader.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/digest.hpp"
#include "core/rules/readers.hpp"

namespace mxw::rules {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRuleFiles = 256;
constexpr std::size_t kMaxRuleBytes = 64 << 10;
constexpr std::size_t kMaxOverrideBytes = 1 << 20;

constexpr std::string_view kFiller = "sensor replay";

Bytes octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorKind::usage, path + ": cannot be opened");
  std::string text(limit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(ErrorKind::usage, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limit) {
    return fail(ErrorKind::usage, path + ": longer than " + std::to_string(limit) + " octets");
  }
  return text;
}

Result<std::vector<std::string>> rule_files(const std::string& dir) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::directory_iterator it(dir, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().extension() == ".toml") paths.push_back(it->path().string());
    if (paths.size() > kMaxRuleFiles) return fail(ErrorKind::usage, dir + ": more than 256 rules");
  }
  if (error) return fail(ErrorKind::usage, dir + ": " + error.message());
  if (paths.empty()) return fail(ErrorKind::usage, dir + ": no rule file (*.toml)");
  std::ranges::sort(paths);
  return paths;
}

struct Overrides {
  std::optional<Node> root;
  std::vector<std::string> used;

  const Node* find_rule(const std::string& id) {
    const Node* node = root ? find(*root->as<Node::Table>(), id) : nullptr;
    if (node != nullptr) used.push_back(id);
    return node;
  }
};

Result<Overrides> read_overrides(const std::optional<std::string>& file) {
  Overrides overrides;
  if (!file) return overrides;
  Result<std::string> text = read_file(*file, kMaxOverrideBytes);
  if (!text) return std::unexpected(text.error());
  Result<Node> root = parse_toml(*text, *file);
  if (!root) return std::unexpected(root.error());
  overrides.root = *std::move(root);
  return overrides;
}

// The id as the file states it, for finding the override before the rule is read as a whole.
std::string stated_id(const Node& root) {
  const Node* id = find(*root.as<Node::Table>(), "id");
  const auto* text = id == nullptr ? nullptr : id->as<std::string>();
  return text == nullptr ? std::string() : *text;
}

// Shipped severities are what the evidence is worth; an operator may think less of it, not more.
void read_severity_cap(const Node& node, Rule& rule, Problems& problems) {
  const auto* word = node.as<std::string>();
  rule.severity_cap = word == nullptr ? std::nullopt : parse_severity(*word);
  if (!rule.severity_cap) {
    problems.add(node,
                 word == nullptr ? "severity must be a text" : '"' + *word + "\" is no severity");
    return;
  }
  Severity highest = rule.severity;
  for (const Case& c : rule.cases) highest = std::max(highest, c.severity.value_or(highest));
  if (*rule.severity_cap > highest) {
    problems.add(node, "an override cannot raise the severity above the rule's own \"" +
                           std::string(name(highest)) + '"');
  }
}

Result<Rule> load_rule(const std::string& path, Overrides& overrides) {
  Result<std::string> text = read_file(path, kMaxRuleBytes);
  if (!text) return std::unexpected(text.error());
  Result<Node> root = parse_toml(*text, path);
  if (!root) return std::unexpected(root.error());
  Problems problems;
  const std::string id = stated_id(*root);
  const Node* over = overrides.find_rule(id);
  OverrideEffect effect;
  if (over != nullptr) effect = apply_override(*root, *over, id, problems);
  Rule rule = read_rule(*root, problems);
  if (problems.none() && effect.severity_cap != nullptr) {
    read_severity_cap(*effect.severity_cap, rule, problems);
  }
  if (problems.none() && fs::path(path).stem() != rule.id) {
    problems.add(*find(*root->as<Node::Table>(), "id"),
                 "id \"" + rule.id + "\" differs from the name of the file");
  }
  if (!problems.none()) return fail(ErrorKind::usage, problems.first());
  rule.file = path;
  rule.overridden = over != nullptr;
  const std::string override_text = over == nullptr ? std::string() : canonical(*over);
  rule.sha256 = hex(sha256(octets(*text + override_text)));
  return rule;
}

std::optional<Error> unknown_rule(const Overrides& overrides) {
  if (!overrides.root) return std::nullopt;
  Problems problems;
  for (const Entry& entry : *overrides.root->as<Node::Table>()) {
    if (std::ranges::find(overrides.used, entry.key) == overrides.used.end()) {
      problems.add(entry.value, "there is no rule \"" + entry.key + "\"");
    }
  }
  if (problems.none()) return std::nullopt;
  return Error{ErrorKind::usage, problems.first()};
}

bool filled(const Clause& clause) {
  return info(clause.field).filled_by == kFiller;
}

bool reachable(const Case& c) {
  return std::ranges::all_of(c.when, filled) &&
         (c.any.empty() || std::ranges::any_of(c.any, filled));
}

void find_unfilled(RuleSet& set) {
  for (std::size_t i = 0; i < set.rules.size(); ++i) {
    const Rule& rule = set.rules[i];
    Unfilled unfilled;
    unfilled.rule = i;
    unfilled.never = std::ranges::none_of(rule.cases, reachable);
    for (const Field field : rule.reads) {
      if (info(field).filled_by != kFiller) unfilled.fields.push_back(field);
    }
    if (!unfilled.fields.empty()) set.unfilled.push_back(std::move(unfilled));
  }
}

}  // namespace

const Rule* RuleSet::find(std::string_view id) const {
  const auto it = std::ranges::find(rules, id, &Rule::id);
  return it == rules.end() ? nullptr : &*it;
}

Result<RuleSet> load(const std::string& dir, const std::optional<std::string>& overrides_file) {
  Result<std::vector<std::string>> paths = rule_files(dir);
  if (!paths) return std::unexpected(paths.error());
  Result<Overrides> overrides = read_overrides(overrides_file);
  if (!overrides) return std::unexpected(overrides.error());
  RuleSet set;
  for (const std::string& path : *paths) {
    Result<Rule> rule = load_rule(path, *overrides);
    if (!rule) return std::unexpected(rule.error());
    set.rules.push_back(*std::move(rule));
  }
  if (auto error = unknown_rule(*overrides)) return std::unexpected(*std::move(error));
  std::ranges::sort(set.rules, {}, &Rule::id);
  std::string all;
  for (const Rule& rule : set.rules) all += rule.id + ' ' + rule.sha256 + '\n';
  set.sha256 = hex(sha256(octets(all)));
  find_unfilled(set);
  return set;
}

}  // namespace mxw::rules
