// `mxwarden-policyd --import DIR`: policies from a directory (core/policy/policy_dir.hpp) into the
// store, while policyd is stopped: for a new machine, or after a store was lost.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/result.hpp"
#include "core/store/policy_store.hpp"

namespace mxw::policyd {

struct Imported {
  std::size_t stored = 0;
  std::size_t ran_out = 0;  // policies past their end: left out
  std::size_t older = 0;    // what the store has was fetched later
};

// A policy without dates counts as fetched now; all are looked up again as soon as policyd runs.
// Error: usage (the directory; nothing was stored), environment (the store; some may be stored).
[[nodiscard]] Result<Imported> import_dir(const std::string& dir, store::PolicyStore& store,
                                          Time now);

}  // namespace mxw::policyd
