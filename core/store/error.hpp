// How a store fails. Damage, a full disk, a lock and a read-only file need different answers, so
// each is a value of its own; the message is for the log. A StoreError is a mxw::Error: it converts
// where the caller does not look closer.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "core/base/result.hpp"

namespace mxw::store {

enum class Fault : std::uint8_t {
  corrupt,      // damaged, or no database: quarantine() it and start empty
  disk_full,    // nothing was written; what was committed before stands
  locked,       // another process holds the file longer than the busy timeout
  read_only,    // the file or its file system takes no writes
  cannot_open,  // path, permission, no regular file
  foreign,      // a database, but not of this program
  version,      // two or more schema versions newer than this program, or too old for a reader
  limit,        // the row is larger than its limit; nothing was written
  constraint,   // a row that contradicts the schema: our bug, told instead of aborting a daemon
  io,           // any other trouble of disk or memory
};
[[nodiscard]] std::string_view name(Fault fault);  // `corrupt`, `disk-full`, ...

struct StoreError : Error {
  Fault fault = Fault::io;
};

template <typename T>
using Result = std::expected<T, StoreError>;

// message: "PATH: disk-full: what SQLite says".
[[nodiscard]] StoreError make_error(Fault fault, std::string_view path, std::string_view what);

}  // namespace mxw::store
