// How a policy differs from the one before, and whether it protects less (evidence for rule R23).
// Pure functions.
#pragma once

#include <string>

#include "core/policy/mta_sts.hpp"

namespace mxw::policyd {

struct Difference {
  bool weaker = false;
  std::string text;  // `mode enforce->testing; max_age 604800->60; mx disjoint`; empty: none
};

// Weaker: a lower mode, a max_age under a tenth (R23), MX patterns that let in hosts the old ones
// did not, or that have none in common. What an owner does on moving house looks the same; an event
// is evidence, never a reason to refuse the policy (RFC 8461 section 8.3).
[[nodiscard]] Difference compare_policies(const policy::StsPolicy& before,
                                          const policy::StsPolicy& after);

}  // namespace mxw::policyd
