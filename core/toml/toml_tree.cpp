#include "core/toml/toml_tree.hpp"

// toml++ 3.3 asserts on some malformed headers (`[$x]`): an operator's typing error must not abort.
// The exception never leaves this file.
namespace {
struct TomlAssertion {};
}  // namespace
#define TOML_ASSERT(condition) ((condition) ? void(0) : throw TomlAssertion{})
#define TOML_EXCEPTIONS 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wterminate"  // its noexcept accessors assert what they have just made
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <sstream>

#include "core/toml/depth.hpp"

namespace mxw::toml {
namespace {

using File = std::shared_ptr<const std::string>;

template <typename T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

struct TooDeep {
  std::size_t line, column;
};

Node convert(const ::toml::node& from, const File& file, std::size_t depth) {
  Node node;
  if (depth > kTomlDepth) throw TooDeep{from.source().begin.line, from.source().begin.column};
  node.line = from.source().begin.line;
  node.column = from.source().begin.column;
  node.file = file;
  if (const ::toml::table* table = from.as_table()) {
    Node::Table entries;
    for (const auto& [key, value] : *table) {
      entries.push_back({std::string(key.str()), convert(value, file, depth + 1)});
    }
    std::ranges::sort(entries, {}, &Entry::key);
    node.data = std::move(entries);
  } else if (const ::toml::array* array = from.as_array()) {
    Node::Array items;
    for (const ::toml::node& item : *array) items.push_back(convert(item, file, depth + 1));
    node.data = std::move(items);
  } else if (const auto* text = from.as_string()) {
    node.data = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.data = integer->get();
  } else if (const auto* real = from.as_floating_point()) {
    node.data = real->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.data = boolean->get();
  } else if (const auto* date = from.as_date()) {
    node.data = DateText{printed(date->get())};
  } else if (const auto* date_time = from.as_date_time()) {
    node.data = DateText{printed(date_time->get())};
  } else if (const auto* time = from.as_time()) {
    node.data = DateText{printed(time->get())};
  }
  return node;
}

struct CanonicalPrinter {
  std::string out;

  void operator()(bool value) { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) { out += std::to_string(value); }
  void operator()(double value) { out += printed(value); }
  void operator()(const std::string& value) {
    out += std::to_string(value.size()) + ':' + value;  // the length keeps neighbours apart
  }
  void operator()(const DateText& value) { out += value.text; }
  void operator()(const Node::Array& items) {
    out += '[';
    for (const Node& item : items) {
      std::visit(*this, item.data);
      out += ',';
    }
    out += ']';
  }
  void operator()(const Node::Table& entries) {
    out += '{';
    for (const Entry& entry : entries) {
      (*this)(entry.key);
      out += '=';
      std::visit(*this, entry.value.data);
      out += ',';
    }
    out += '}';
  }
};

}  // namespace

const Node* find(const Node::Table& table, std::string_view key) {
  const auto it = std::ranges::find(table, key, &Entry::key);
  return it == table.end() ? nullptr : &it->value;
}

Node* find(Node::Table& table, std::string_view key) {
  const auto it = std::ranges::find(table, key, &Entry::key);
  return it == table.end() ? nullptr : &it->value;
}

std::string place_text(const std::string& file, std::size_t line, std::size_t column, Place place) {
  return file + ':' + std::to_string(line) +
         (place == Place::line ? "" : ':' + std::to_string(column)) + ": ";
}

namespace {

// The line of an assertion, which comes without its place: the first line with which the text up to
// there fails in the same way.
std::size_t line_of_assertion(std::string_view text) {
  std::size_t line = 1;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n', end + 1), ++line) {
    try {
      (void)::toml::parse(text.substr(0, end));
    } catch (const TomlAssertion&) {
      return line;
    } catch (const ::toml::parse_error&) {
      continue;  // cut in the middle of a value
    }
  }
  return line;
}

}  // namespace

Result<Node> parse_toml(std::string_view text, const std::string& file, Place place) try {
  if (const auto deep = nested_deeper_than(kTomlDepth, text))
    throw TooDeep{deep->line, deep->column};
  return convert(::toml::parse(text, file), std::make_shared<const std::string>(file), 0);
} catch (const ::toml::parse_error& error) {
  const auto& begin = error.source().begin;
  return fail(ErrorKind::usage, place_text(file, begin.line, begin.column, place) +
                                    "not TOML: " + std::string(error.description()));
} catch (const TomlAssertion&) {
  return fail(ErrorKind::usage, place_text(file, line_of_assertion(text), 1, place) +
                                    "not TOML: malformed table header or value");
} catch (const TooDeep& deep) {
  return fail(ErrorKind::usage,
              place_text(file, deep.line, deep.column, place) + "not TOML: nested too deeply");
}

std::string canonical(const Node& node) {
  CanonicalPrinter printer;
  std::visit(printer, node.data);
  return std::move(printer.out);
}

}  // namespace mxw::toml
