// The JSON of a TLS report. What was read can be written, and what we write is read.
#include "core/base/check.hpp"
#include "core/report/read.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mxw::report;
  const auto read = read_report(mxw::as_text({data, size}));
  if (!read) return 0;
  mxw::fuzz::use(read->deviations.text());
  if (const auto json = write_json(read->report)) MXW_CHECK(read_report(*json).has_value());
  return 0;
}
