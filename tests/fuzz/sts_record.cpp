// TXT records of _mta-sts (RFC 8461 section 3.1): one alone, and an answer of one record per line.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/policy/mta_sts.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= 32 && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = mxw::as_text({data, size});
  const auto record = mxw::policy::parse_sts_record(text);
  if (record) MXW_CHECK(is_id(record->id));
  std::vector<std::string> answer;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    answer.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  const auto selected = mxw::policy::select_sts_record(answer);
  if (selected) MXW_CHECK(is_id(selected->id));
  return 0;
}
