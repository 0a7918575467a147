// Opening policyd's store so that a damaged one never keeps it from starting (semantics 11).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/store/policy_store.hpp"

namespace mxw::policyd {

struct OpenedStore {
  std::unique_ptr<store::PolicyStore> store;
  std::vector<std::string> notes;  // what had to be done, for the log
};

// Opens `folder`/policy.db and reads all its pages. A file that is damaged, or no database of ours,
// is put aside under another name, and an empty one is filled from the last backup. Error
// (environment): full disk, no permission, a newer schema: the old file stands as it is; readers
// of the feed go on with their copies until this succeeds.
[[nodiscard]] Result<OpenedStore> open_store(const std::string& folder, Time now);

// Copies what holds now to `folder`/policy.backup: once a day.
Result<void> write_backup(const std::string& folder, store::PolicyStore& store);

}  // namespace mxw::policyd
