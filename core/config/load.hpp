// Reading, checking, printing and reloading `mxwarden.toml`.
//
// Every key stands once, in the option table (core/config/options.hpp): reading, the hint for a
// mistyped key, dump(), docs/config.md and the shipped file come from it. All functions are pure
// but read_file() and load(), which block; no thread rule.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/config/config.hpp"

namespace mxw::config {

// Far above any real file; bounds the time of a parse and the recursion of toml++ over dotted keys.
inline constexpr std::size_t kFileBytes = 64 << 10;

inline constexpr char kDefaultPath[] = "/etc/mxwarden/mxwarden.toml";

// The settings of a text; `name` stands in messages. What is not given has its default.
// Error (usage): "NAME:LINE:COLUMN: reason" for what is not TOML, unknown keys (with the nearest
// known one), values of a wrong type or out of range, and values that do not go together.
[[nodiscard]] Result<Config> parse(std::string_view text, const std::string& name);

// The same, with what is worth a warning: values an earlier version took, which are accepted for
// one major version and mean nothing any more; and, unless `mine` is empty, the first mistake in
// the tables that are not among `mine`, whose wrong values keep their defaults. A table without a
// known name may be one of `mine` misspelt and stays an Error.
using Notes = std::vector<std::string>;
[[nodiscard]] Result<Config> parse(std::string_view text, const std::string& name, Notes& notes,
                                   std::span<const std::string_view> mine = {});

// The text of a file, at most kFileBytes and one more. Error (usage): it cannot be read.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// The settings of a file. Error (usage) also when it cannot be read.
[[nodiscard]] Result<Config> load(const std::string& path);

// All settings as TOML; parse(dump(c)) gives c again.
[[nodiscard]] std::string dump(const Config& config);

// The keys in which two differ, as "table.key", in the order of the table.
struct Change {
  std::string key;
  bool reload = false;  // takes effect without a restart
};
[[nodiscard]] std::vector<Change> changes(const Config& before, const Config& after);

// The settings of a text for a program that runs with `old`. On Error (usage) the program keeps
// `old` whole: the text is wrong, or a key of `tables` changed that needs a restart (all such keys
// are named). Other tables are other programs' and may change. No tables: all. `notes` (may be
// null): of values that mean nothing any more.
[[nodiscard]] Result<Config> reload(const Config& old, std::string_view text,
                                    const std::string& name,
                                    std::span<const std::string_view> tables = {},
                                    Notes* notes = nullptr);

// docs/config.md, and packaging/mxwarden.toml: every key with its default as a comment.
[[nodiscard]] std::string documentation();
[[nodiscard]] std::string shipped_file();

// `inet:ADDRESS:PORT`, `inet6:[ADDRESS]:PORT` or `unix:PATH` (absolute, at most 107 octets:
// sockaddr_un) as they stand in `listen`.
struct Listen {
  Endpoint endpoint;  // family 0: a path
  std::string path;
};
[[nodiscard]] Result<Listen> parse_listen(std::string_view text);

// `192.0.2.1:9461`, `[2001:db8::1]:9461`.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string text_of(const Endpoint& endpoint);

}  // namespace mxw::config
