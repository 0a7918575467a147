// The JSON beside a policy file.
#include "core/policy/sidecar.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sidecar = mxw::policy::parse_sidecar(mxw::as_text({data, size}));
  mxw::fuzz::use(sidecar ? sidecar->source : sidecar.error().reason);
  return 0;
}
