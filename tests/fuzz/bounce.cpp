// Bounces of report mail (RFC 3464) as they come by LMTP.
#include "core/base/check.hpp"
#include "reportd/suppression.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mxw::reportd;
  const auto bounce = read_bounce(mxw::as_text({data, size}));
  if (!bounce) return 0;
  MXW_CHECK(bounce->failed.size() <= 2 * kBounceRecipients * kBounceParts);
  MXW_CHECK(bounce->to.size() <= kBounceParts);
  MXW_CHECK(bounce->status.empty() || bounce->status.starts_with("5."));
  for (const std::string& address : bounce->failed) mxw::fuzz::use(address);
  return 0;
}
