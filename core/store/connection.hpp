// What Database, Statement and Transaction share; private to core/store.
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/store/error.hpp"

namespace mxw::store {

struct Connection {
  sqlite3* handle = nullptr;
  std::string path;
  // Prepared and not in use, by their SQL; a statement in use is not in here.
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The failure of the last call, which returned `code`.
  [[nodiscard]] StoreError error(int code) const;
  // A script of several statements, without parameters or rows.
  [[nodiscard]] Result<void> script(const std::string& sql);
};

[[nodiscard]] Fault fault_of(int code);

}  // namespace mxw::store
