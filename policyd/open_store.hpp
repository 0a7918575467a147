// Opening policyd's store so that a damaged one never keeps it from starting (semantics 11).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/store/policy_store.hpp"

namespace mxw::policyd {

struct OpenedStore {
  std::unique_ptr<store::PolicyStore> store;
  std::vector<std::string> notes;  // what had to be done, for the log
  Fd lock;                         // held as long as the store is used
};

// Opens `folder`/policy.db and reads all its pages. A file that is damaged, was found so by
// mark_damaged(), or is no database of ours, is put aside under another name; then, as when there
// is none, an empty one is filled from the last backup. Error (environment): another process has
// it, full disk, no permission, a newer schema: the old file stands as it is; readers of the feed
// go on with their copies until this succeeds.
[[nodiscard]] Result<OpenedStore> open_store(const std::string& folder, Time now);

// Reading all pages does not find an index that does not fit its table; using it does. Leaves
// `folder`/policy.damaged, so that the next open_store() takes the file for what it is.
Result<void> mark_damaged(const std::string& folder);

// Copies what holds now to `folder`/policy.backup: once a day. A store without any policy does not
// replace a backup: it may be one that was just lost.
Result<void> write_backup(const std::string& folder, store::PolicyStore& store);

// When it was written; none: there is none.
[[nodiscard]] std::optional<Time> backup_time(const std::string& folder);

}  // namespace mxw::policyd
