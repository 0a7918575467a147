// Transaction: rolled back unless committed. It has a sticky error, as ByteReader has: after the
// first failure every further run() does nothing and commit() gives that failure, so a writer is
// one straight list. REQUIRES: no other Transaction on the same Database. One thread.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/store/sqlite.hpp"

namespace mxw::store {

class Transaction {
 public:
  explicit Transaction(Database& database);  // takes the write lock at once (BEGIN IMMEDIATE)
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  [[nodiscard]] bool ok() const { return !error_; }

  template <typename... Args>
  Transaction& run(const std::string& sql, const Args&... args) {
    if (ok()) note(database_.run(sql, args...));
    return *this;
  }
  // The value of a read, or T{} when it or anything before it failed.
  template <typename T>
  T take(Result<T> result) {
    if (ok() && !result) error_ = std::move(result.error());
    return ok() ? std::move(*result) : T{};
  }
  void note(Result<void> result) {
    if (ok() && !result) error_ = std::move(result.error());
  }

  // Returns after the commit stands in the file system.
  [[nodiscard]] Result<void> commit();

 private:
  void roll_back();

  Database& database_;
  std::optional<StoreError> error_;
  bool open_ = false;
};

}  // namespace mxw::store
