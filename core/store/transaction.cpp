#include "core/store/transaction.hpp"

#include "core/store/connection.hpp"

namespace mxw::store {

Transaction::Transaction(Database& database) : database_(database) {
  note(database_.run("BEGIN IMMEDIATE"));
  open_ = ok();
}

Transaction::~Transaction() {
  roll_back();
}

Result<void> Transaction::commit() {
  if (ok()) note(database_.run("COMMIT"));
  if (ok()) open_ = false;
  roll_back();
  if (error_) return std::unexpected(*error_);
  return {};
}

// A full disk or an I/O error may have rolled back already; a ROLLBACK that fails leaves nothing to
// do.
void Transaction::roll_back() {
  if (!std::exchange(open_, false)) return;
  if (sqlite3_get_autocommit(database_.connection_->handle) == 0) (void)database_.run("ROLLBACK");
}

}  // namespace mxw::store
