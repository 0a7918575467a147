// Authentication-Results as a stranger wrote it, and values of a stranger in our own.
#include <algorithm>

#include "core/base/check.hpp"
#include "milter/auth_results.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace mxw::milter {
namespace {

// What is left came of leaving octets out.
bool is_left_of(std::string_view left, std::string_view whole) {
  std::size_t at = 0;
  for (const char c : left) {
    at = whole.find(c, at);
    if (at++ == std::string_view::npos) return false;
  }
  return true;
}

void strip(std::string_view value, std::string_view id) {
  const Stripped once = strip_own_results(value, id);
  MXW_CHECK((once.kind == Stripped::Kind::kept) == (once.clauses == 0));
  MXW_CHECK((once.kind == Stripped::Kind::changed) == !once.value.empty());
  if (once.kind != Stripped::Kind::changed) return;
  MXW_CHECK(once.value.size() < value.size() && is_left_of(once.value, value));
  MXW_CHECK(strip_own_results(once.value, id).kind == Stripped::Kind::kept);
}

void write(std::string_view text, std::string_view id) {
  const std::string value = authentication_results(
      id, {{kMethodTls, "pass", {}, {{"smtp.version", text}, {"smtp.bits", "256"}}},
           {kMethodMtaSts, "fail", text, {{"policy.domain", text}}}});
  MXW_CHECK(std::ranges::all_of(
      value, [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t'; }));
  const Stripped stripped = strip_own_results(value, id);
  MXW_CHECK(stripped.kind == Stripped::Kind::removed && stripped.clauses == 2);
}

}  // namespace
}  // namespace mxw::milter

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = mxw::as_text({data, size});
  for (const std::string_view id : {"mx1.b.test", "xn--bcher-kva.test"}) {
    mxw::milter::strip(text, id);
    mxw::milter::write(text, id);
  }
  return 0;
}
