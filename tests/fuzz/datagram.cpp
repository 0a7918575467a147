// A datagram of libtlsrpt, and a message of a sensor: whatever comes in, what goes on is canonical
// and harmless, and reading it twice gives the same.
#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/utf8.hpp"
#include "reportd/datagram.hpp"
#include "reportd/sensor_message.hpp"
#include "reportd/tally.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace mxw::reportd {
namespace {

constexpr Time kNow{1'800'000'000 * kSecond};

void check_text(std::string_view text) {
  fuzz::use(text);
  MXW_CHECK(utf8::valid(text));
  MXW_CHECK(std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == 0x7f || c == '@';
  }));
}

void check_policy(const EventPolicy& policy) {
  for (const std::string_view text : {policy.domain, policy.type, policy.strings, policy.mx_hosts})
    check_text(text);
  MXW_CHECK(!policy.domain.empty() && policy.domain.size() <= 253);
  MXW_CHECK(policy.strings.size() <= store::kPolicyTextBytes);
  for (const EventFailure& failure : policy.failures) {
    for (const std::string_view text : {failure.mx_host, failure.mx_helo, failure.reason})
      check_text(text);
    MXW_CHECK(failure.reason.size() <= 128 && failure.mx_helo.size() <= 255);
  }
}

std::uint64_t sessions_of(const TallyBatch& batch) {
  std::uint64_t sum = 0;
  for (const store::TallyAdd& add : batch.tallies) sum += add.success + add.failure;
  return sum;
}

void run(std::string_view text) {
  static DatagramReader reader;
  static SensorReader sensor;
  Tally tally({.bytes = 4'096});
  const auto event = reader.read(text);
  if (event) {
    for (const EventPolicy& policy : (*event)->policies) check_policy(policy);
    tally.add("a", "b", **event, kNow);
    const TallyBatch once = tally.take();
    MXW_CHECK(sessions_of(once) >= (*event)->policies.size());
    tally.add("a", "b", **reader.read(text), kNow);
    MXW_CHECK(sessions_of(tally.take()) == sessions_of(once));
  }
  const SensorMessage* const message = sensor.read(text);
  if (message != nullptr) {
    check_policy(message->policy);
    check_text(message->failure.reason);
    check_text(message->sensor);
  }
}

}  // namespace
}  // namespace mxw::reportd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mxw::reportd::run(mxw::as_text({data, size}));
  return 0;
}
