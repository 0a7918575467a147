// The argument of MAIL FROM and RCPT TO, and host names.
#include "core/base/check.hpp"
#include "core/mail/name.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = mxw::as_text({data, size});
  if (const auto path = mxw::mail::parse_path(text)) mxw::fuzz::use(path->domain);
  if (const auto host = mxw::mail::HostName::parse(text)) {
    // What was made canonical stays as it is.
    const auto again = mxw::mail::HostName::parse(host->text());
    MXW_CHECK(again.has_value() && *again == *host);
    MXW_CHECK(mxw::mail::DnsName::parse(host->text()).has_value());
  }
  return 0;
}
