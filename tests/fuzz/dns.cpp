// A DNS message as it stands in a datagram.
#include "core/base/check.hpp"
#include "core/base/limits.hpp"
#include "core/dns/message.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

void check(const std::vector<mxw::dns::Record>& records) {
  constexpr std::size_t kNameText = 1'003;  // core/dns/message.hpp
  for (const mxw::dns::Record& record : records) {
    MXW_CHECK(record.name.size() <= kNameText);
    mxw::fuzz::use(mxw::dns::type_name(record.type));
    mxw::fuzz::use(mxw::dns::rdata_text(record));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = mxw::dns::parse({data, size});
  MXW_CHECK(message.has_value() == (size >= 12));
  if (!message) return 0;
  MXW_CHECK(message->questions.size() + message->answers.size() + message->authority.size() +
                message->additional.size() <=
            mxw::limits::kDnsRecords);
  check(message->answers);
  check(message->authority);
  check(message->additional);
  mxw::fuzz::use(mxw::dns::rcode_name(message->rcode));
  return 0;
}
