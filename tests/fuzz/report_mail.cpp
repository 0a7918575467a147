// Whatever arrives as a TLS report: a mail, gzip or JSON.
#include "core/report/read.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mxw::report;
  const AnyReport read = read_any(mxw::as_text({data, size}));
  mxw::fuzz::use(read.deviations.text());
  for (const std::string& text : {read.mail.from_domain, read.mail.subject, read.mail.file_name})
    mxw::fuzz::use(text);
  if (read.report) mxw::fuzz::use(read.report->report_id);
  return 0;
}
