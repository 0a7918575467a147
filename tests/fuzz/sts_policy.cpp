// An MTA-STS policy as it was served (RFC 8461 section 3.2).
#include "core/base/check.hpp"
#include "core/base/limits.hpp"
#include "core/policy/mta_sts.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto policy = mxw::policy::parse_sts_policy(mxw::as_text({data, size}));
  if (!policy) {
    mxw::fuzz::use(policy.error().reason);
    return 0;
  }
  MXW_CHECK(policy->max_age <= mxw::limits::kPolicyMaxAge);
  MXW_CHECK(policy->mx.size() <= mxw::limits::kPolicyMx);
  MXW_CHECK(policy->mode == mxw::policy::Mode::none || !policy->mx.empty());
  for (const std::string& pattern : policy->mx) {
    const bool wildcard = pattern.starts_with("*.");
    const std::string host = wildcard ? "a" + pattern.substr(1) : pattern;
    // Every pattern taken as usable must match some host, unless that host would be too long.
    MXW_CHECK(host.size() > 253 || mxw::policy::mx_matches(policy->mx, host));
    if (wildcard) MXW_CHECK(!mxw::policy::mx_pattern_matches(pattern, "a.b" + pattern.substr(1)));
  }
  return 0;
}
