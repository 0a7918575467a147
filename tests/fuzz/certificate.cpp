// X.509: one DER certificate, its summary, the names it matches and a chain of itself.
#include "core/x509/certificate.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace mxw;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static x509::TrustStore trust = x509::TrustStore::empty();
  static const Redactor redactor;
  const Bytes der(data, size);
  if (const auto summary = x509::summarize(der, redactor)) {
    fuzz::use(summary->subject);
    fuzz::use(summary->issuer);
    (void)x509::matches_host(*summary, "mx1.example.org");
    for (const std::string& name : summary->dns_names) (void)x509::matches_host(*summary, name);
  }
  const auto chain = trust.read({{der.begin(), der.end()}, {der.begin(), der.end()}}, redactor);
  (void)chain->verify(Time{0});
  for (std::uint8_t selector = 0; selector < 3; ++selector)
    (void)x509::tlsa_matches(der, selector, 0, der);
  return 0;
}
