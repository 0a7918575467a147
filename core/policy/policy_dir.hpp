// A directory of policies for judging a capture without a network: `DIR/DOMAIN.txt` is the policy
// as it was served, `DIR/DOMAIN.json` beside it says when (core/policy/sidecar.hpp). Other files
// are not looked at. Reads the file system; thread-safe as long as nobody writes there.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/policy/decide.hpp"

namespace mxw::policy {

// All policies, sorted by domain. valid_until defaults to fetched_at + max_age; without either the
// policy is undated. `source` is the sidecar's, else the file's name without the directory.
//
// Errors are of kind usage, the first in the order of the file names, and nothing is half-loaded:
// `FILE:LINE: reason` for a malformed policy or sidecar, `FILE: reason` for a file name that is no
// domain in lower-case A-labels, a sidecar without its policy, or what cannot be read. A file is at
// most limits::kPolicyBytes.
[[nodiscard]] Result<std::vector<CachedPolicy>> load_policy_dir(const std::string& dir);

}  // namespace mxw::policy
