#include "core/policy/tlsrpt.hpp"

#include <algorithm>
#include <array>

namespace mxw::policy {
namespace {

// In the order of the enumeration.
constexpr auto kNames = std::to_array<std::string_view>({
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
});
static_assert(kNames.size() == static_cast<std::size_t>(ResultType::sts_webpki_invalid) + 1);

}  // namespace

std::string_view name(ResultType type) {
  return kNames[static_cast<std::size_t>(type)];
}

std::optional<ResultType> parse_result_type(std::string_view text) {
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ResultType>(found - kNames.begin());
}

}  // namespace mxw::policy
