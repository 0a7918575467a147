// A key record on the first line, and a message whose signatures are judged by it (RFC 6376).
#include <algorithm>

#include "core/base/check.hpp"
#include "core/dkim/key_record.hpp"
#include "core/dkim/message.hpp"
#include "core/dkim/verify.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mxw::dkim;
  const std::string_view text = mxw::as_text({data, size});
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string record(text.substr(0, end));
  const std::string_view message = text.substr(std::min(end + 1, text.size()));
  if (const auto key = parse_key_record(record)) mxw::fuzz::use(key->key);

  MXW_CHECK(key_names(message).size() <= kSignatures);
  const auto lookup = [&record](const std::string& name) {
    MXW_CHECK(name.find("._domainkey.") != std::string::npos);
    return KeyAnswer{.known = true, .records = {record}};
  };
  const Verification result = verify(message, lookup, {1'795'000'000 * mxw::kSecond});
  MXW_CHECK(result.signatures.size() <= kSignatures);
  MXW_CHECK((result.status == Status::none) == result.signatures.empty());
  for (const Signature& one : result.signatures) {
    MXW_CHECK((one.status == Status::pass) == one.reason.empty());
    MXW_CHECK(one.status <= result.status && one.status != Status::none);
    MXW_CHECK(!good_for_report(one) || one.status == Status::pass);
  }

  Message parts;
  if (!split(message, parts)) return 0;
  for (const Field& field : parts.fields) {
    const std::string relaxed = canonical_field(field.raw, Form::relaxed);
    MXW_CHECK(relaxed.ends_with("\r\n"));
    MXW_CHECK(canonical_field(relaxed, Form::relaxed) == relaxed);
  }
  return 0;
}
