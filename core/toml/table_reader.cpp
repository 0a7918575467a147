#include "core/toml/table_reader.hpp"

#include <algorithm>

namespace mxw::toml {
namespace {

const Node::Table kEmpty;

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

}  // namespace

void Problems::add(const Node& at, const std::string& reason) {
  if (first_.empty()) first_ = place_text(*at.file, at.line, at.column, place_) + reason;
}

TableReader::TableReader(const Node& node, std::string_view where, Problems& problems)
    : node_(node), table_(node.as<Node::Table>()), where_(where), problems_(problems) {
  if (table_ == nullptr) {
    problems_.add(node_, where_ + " is not a table");
    table_ = &kEmpty;
  }
}

const Node* TableReader::optional(std::string_view key) {
  asked_.push_back(key);
  return find(*table_, key);
}

const Node* TableReader::need(std::string_view key) {
  const Node* node = optional(key);
  if (node == nullptr) problems_.add(node_, where_ + ": key " + quoted(key) + " is missing");
  return node;
}

std::string TableReader::text(std::string_view key) {
  const Node* node = need(key);
  if (node == nullptr) return {};
  const auto* value = node->as<std::string>();
  if (value == nullptr || value->empty()) {
    problems_.add(*node, quoted(key) + " is not a text");
    return {};
  }
  return *value;
}

std::string TableReader::optional_text(std::string_view key) {
  return find(*table_, key) == nullptr ? (asked_.push_back(key), std::string()) : text(key);
}

std::int64_t TableReader::number(std::string_view key) {
  const Node* node = need(key);
  if (node == nullptr) return 0;
  const auto* value = node->as<std::int64_t>();
  if (value == nullptr) problems_.add(*node, quoted(key) + " is not an integer");
  return value == nullptr ? 0 : *value;
}

std::vector<std::string> TableReader::texts(std::string_view key) {
  const Node* node = need(key);
  return node == nullptr ? std::vector<std::string>() : read_texts(*node, key, problems_);
}

void TableReader::finish(const Hint& hint) {
  for (const Entry& entry : *table_) {
    if (std::ranges::find(asked_, entry.key) == asked_.end()) {
      problems_.add(entry.value,
                    where_ + ": unknown key " + quoted(entry.key) + (hint ? hint(entry.key) : ""));
    }
  }
}

std::string TableReader::wrong_word(const std::string* text, std::string_view what) {
  if (text == nullptr) return std::string(what) + " must be a text";
  return quoted(*text) + " is no " + std::string(what);
}

const Node::Array* read_array(const Node& node, std::string_view key, Problems& problems) {
  const auto* array = node.as<Node::Array>();
  if (array == nullptr) problems.add(node, quoted(key) + " is not a list");
  return array;
}

std::vector<std::string> read_texts(const Node& node, std::string_view key, Problems& problems) {
  std::vector<std::string> texts;
  const Node::Array* array = read_array(node, key, problems);
  if (array == nullptr) return texts;
  for (const Node& item : *array) {
    const auto* text = item.as<std::string>();
    if (text == nullptr || text->empty()) {
      problems.add(item, quoted(key) + " holds something that is not a text");
      return {};
    }
    texts.push_back(*text);
  }
  return texts;
}

}  // namespace mxw::toml
