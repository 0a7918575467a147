// The operator's overrides: [R01] tables of one file, laid over the shipped rules.
#include <algorithm>
#include <array>

#include "core/rules/readers.hpp"

namespace mxw::rules {
namespace {

Node::Table& subtable(Node& root, const std::string& key, const Node& over) {
  auto& table = *root.as<Node::Table>();
  Node* node = find(table, key);
  if (node == nullptr) {
    table.push_back({key, Node{Node::Table{}, over.line, over.column, over.file}});
    node = &table.back().value;
  }
  if (node->as<Node::Table>() == nullptr) node->data = Node::Table{};
  return *node->as<Node::Table>();
}

void put(Node::Table& table, const std::string& key, const Node& value) {
  if (Node* present = find(table, key)) {
    *present = value;
  } else {
    table.push_back({key, value});
  }
}

void override_params(Node& root, const Node& over, Problems& problems) {
  Node::Table& params = subtable(root, "params", over);
  for (const Entry& entry : *over.as<Node::Table>()) {
    if (find(params, entry.key) == nullptr) {
      problems.add(entry.value, "this rule has no parameter \"" + entry.key + "\"");
    } else {
      put(params, entry.key, entry.value);
    }
  }
}

// A list replaces the rule's, { append = [...] } adds to it.
void override_exempt(Node& root, const Node& over, Problems& problems) {
  Node::Table& exempt = subtable(root, "exempt", over);
  for (const Entry& entry : *over.as<Node::Table>()) {
    const auto* table = entry.value.as<Node::Table>();
    if (table == nullptr) {
      put(exempt, entry.key, entry.value);
      continue;
    }
    const Node* append = find(*table, "append");
    if (append == nullptr || table->size() != 1 || append->as<Node::Array>() == nullptr) {
      problems.add(entry.value, "an exemption is a list or { append = [...] }");
      continue;
    }
    Node* present = find(exempt, entry.key);
    if (present == nullptr || present->as<Node::Array>() == nullptr) {
      put(exempt, entry.key, *append);
    } else {
      auto& list = *present->as<Node::Array>();
      const auto& more = *append->as<Node::Array>();
      list.insert(list.end(), more.begin(), more.end());
    }
  }
}

void override_table(Node& root, const Entry& over) {
  Node::Table& table = subtable(root, over.key, over.value);
  for (const Entry& entry : *over.value.as<Node::Table>()) put(table, entry.key, entry.value);
}

constexpr std::array<std::string_view, 4> kTables{"actions", "exempt", "params", "throttle"};

}  // namespace

// Unknown keys inside exempt, throttle and actions are refused by the readers of those tables.
OverrideEffect apply_override(Node& root, const Node& over, const std::string& id,
                              Problems& problems) {
  OverrideEffect effect;
  const auto* entries = over.as<Node::Table>();
  if (entries == nullptr) {
    problems.add(over, id + " is not a table");
    return effect;
  }
  for (const Entry& entry : *entries) {
    if (std::ranges::find(kTables, entry.key) != kTables.end() &&
        entry.value.as<Node::Table>() == nullptr) {
      problems.add(entry.value, "\"" + entry.key + "\" is not a table");
    } else if (entry.key == "severity") {
      effect.severity_cap = &entry.value;
    } else if (entry.key == "enabled") {
      put(*root.as<Node::Table>(), entry.key, entry.value);
    } else if (entry.key == "params") {
      override_params(root, entry.value, problems);
    } else if (entry.key == "exempt") {
      override_exempt(root, entry.value, problems);
    } else if (entry.key == "throttle" || entry.key == "actions") {
      override_table(root, entry);
    } else {
      problems.add(entry.value, "an override may not set \"" + entry.key + "\"");
    }
  }
  return effect;
}

}  // namespace mxw::rules
