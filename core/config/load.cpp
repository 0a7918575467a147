#include "core/config/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/config/checks.hpp"
#include "core/config/codec.hpp"
#include "core/config/consistent.hpp"
#include "core/config/options.hpp"
#include "core/toml/table_reader.hpp"

namespace mxw::config {
namespace {

using toml::Node;
using toml::Problems;

std::string perhaps(std::string_view near) {
  return near.empty() ? std::string() : ", perhaps " + quoted(near) + " is meant";
}

// `defer` of `milter.defer` in `milter`; empty: it is no table right below that one.
std::string_view below(std::string_view table, std::string_view parent) {
  if (!table.starts_with(parent)) return {};
  table.remove_prefix(parent.size());
  if (!table.starts_with('.')) return {};
  table.remove_prefix(1);
  return table.find('.') == std::string_view::npos ? table : std::string_view();
}

std::string belongs(std::string_view key) {
  for (const Option& option : options()) {
    if (option.key == key) return ", it belongs into [" + std::string(option.table) + ']';
  }
  return {};
}

std::string key_hint(std::string_view table, std::string_view key) {
  std::vector<std::string_view> here;
  for (const Option& option : options()) {
    if (option.table == table) here.push_back(option.key);
  }
  for (const TableHelp& other : tables()) {
    if (const std::string_view name = below(other.name, table); !name.empty()) here.push_back(name);
  }
  const std::string near = perhaps(nearest(key, here));
  return near.empty() ? belongs(key) : near;
}

std::string table_hint(std::string_view name) {
  std::vector<std::string_view> known;
  for (const TableHelp& table : tables()) known.push_back(table.name);
  const std::string near = perhaps(nearest(name, known));
  return near.empty() ? belongs(name) : near;
}

void read_table(std::string_view name, const Node& node, Problems& problems, Config& config) {
  toml::TableReader reader(node, '[' + std::string(name) + ']', problems);
  for (const Option& option : options()) {
    if (option.table != name) continue;
    if (const Node* value = reader.optional(option.key)) option.read(*value, problems, config);
  }
  for (const TableHelp& inner : tables()) {
    const std::string_view key = below(inner.name, name);
    const Node* const found = key.empty() ? nullptr : reader.optional(key);
    if (found != nullptr) read_table(inner.name, *found, problems, config);
  }
  reader.finish([name](std::string_view key) { return key_hint(name, key); });
}

// The node of "table.key", or the document: where a problem of several keys is shown.
const Node& node_of(const Node& document, std::string_view table, std::string_view key) {
  const auto* top = document.as<Node::Table>();
  const Node* found = top == nullptr ? nullptr : find(*top, table);
  const auto* inner = found == nullptr ? nullptr : found->as<Node::Table>();
  const Node* value = inner == nullptr ? nullptr : find(*inner, key);
  return value == nullptr ? document : *value;
}

std::string located(const Node& at, const std::string& reason) {
  Problems one(toml::Place::line_and_column);
  one.add(at, reason);
  return one.first();
}

// `domains_from = ["map", "milter"]` was the default of an earlier version.
void drop_retired(const Node& document, Config& config, Notes& notes) {
  const Node& value = node_of(document, "policyd", "domains_from");
  std::erase_if(config.policyd.domains_from, [&](const std::string& source) {
    if (!is_retired_source(source)) return false;
    notes.push_back(located(value, quoted("domains_from") + " has " + quoted(source) +
                                       ", which means nothing any more: " + quoted("ask_users") +
                                       " says who may ask"));
    return true;
  });
}

void check_validating(const Node& document, const Resolver& resolver, Problems& problems) {
  for (const Endpoint& server : resolver.validating) {
    if (std::ranges::find(resolver.servers, server) == resolver.servers.end()) {
      problems.add(node_of(document, "resolver", "validating"),
                   quoted("validating") + " has " + text_of(server) + ", which is not in " +
                       quoted("servers"));
    }
  }
}

void check_listen_twice(const Node& document, const Map& map, Problems& problems) {
  std::vector<std::string> listen = map.listen;
  std::ranges::sort(listen);
  if (const auto twice = std::ranges::adjacent_find(listen); twice != listen.end()) {
    problems.add(node_of(document, "map", "listen"),
                 quoted("listen") + " has " + quoted(*twice) + " twice");
  }
}

}  // namespace

Result<Config> parse(std::string_view text, const std::string& name) {
  Notes notes;
  return parse(text, name, notes);
}

Result<Config> parse(std::string_view text, const std::string& name, Notes& notes,
                     std::span<const std::string_view> mine) {
  if (text.size() > kFileBytes) {
    return fail(ErrorKind::usage, name + ": larger than " + std::to_string(kFileBytes) + " octets");
  }
  const auto document = toml::parse_toml(text, name, toml::Place::line_and_column);
  if (!document) return std::unexpected(document.error());
  Problems problems(toml::Place::line_and_column), others(toml::Place::line_and_column);
  const auto of = [&](std::string_view table) -> Problems& {
    return mine.empty() || std::ranges::find(mine, table) != mine.end() ? problems : others;
  };
  Config config;
  toml::TableReader top(*document, "the file", problems);
  for (const TableHelp& table : tables()) {
    if (table.name.find('.') != std::string_view::npos) continue;
    if (const Node* node = top.optional(table.name)) {
      read_table(table.name, *node, of(table.name), config);
    }
  }
  top.finish(table_hint);
  check_validating(*document, config.resolver, of("resolver"));
  check_listen_twice(*document, config.map, of("map"));
  check_tlsrpt(*document, config.tlsrpt, of("tlsrpt"));
  if (!problems.none()) return fail(ErrorKind::usage, problems.first());
  drop_retired(*document, config, notes);
  if (!others.none()) notes.push_back(others.first() + " (another program's setting)");
  return config;
}

Result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(ErrorKind::usage, path + ": " + std::strerror(errno));
  std::string text(kFileBytes + 1, '\0');
  std::size_t size = 0;
  int error = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(fd);
  if (error != 0) return fail(ErrorKind::usage, path + ": " + std::strerror(error));
  text.resize(size);
  return text;
}

Result<Config> load(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  return parse(*text, path);
}

std::vector<Change> changes(const Config& before, const Config& after) {
  std::vector<Change> found;
  for (const Option& option : options()) {
    if (option.print(before) != option.print(after)) {
      found.push_back({option.name(), option.reload});
    }
  }
  return found;
}

Result<Config> reload(const Config& old, std::string_view text, const std::string& name,
                      std::span<const std::string_view> mine, Notes* notes) {
  Notes unheard;
  auto fresh = parse(text, name, notes == nullptr ? unheard : *notes);
  if (!fresh) return fresh;
  std::string refused;
  for (const Change& change : changes(old, *fresh)) {
    const std::string_view table = std::string_view(change.key).substr(0, change.key.find('.'));
    const bool ours = mine.empty() || std::ranges::find(mine, table) != mine.end();
    if (ours && !change.reload) refused += (refused.empty() ? "" : ", ") + change.key;
  }
  if (refused.empty()) return fresh;
  return fail(ErrorKind::usage, name + ": changed, but needs a restart: " + refused);
}

}  // namespace mxw::config
