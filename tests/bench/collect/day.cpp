// A day of sessions, spread evenly over it, with a clock of its own: read, counted, and committed
// as often as a running daemon would.
#include "core/base/result.hpp"
#include "reportd/datagram.hpp"
#include "reportd/tally_writer.hpp"
#include "tests/bench/collect/bench.hpp"

#include <time.h>

namespace mxw::bench {
namespace {

double now_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int day(const Arguments& arguments) {
  constexpr Time kMidnight{20'783 * kDay};
  reportd::PolicyFailures failures;
  auto writer = reportd::TallyWriter::start({.path = arguments.store}, &failures);
  if (!writer) return std::fprintf(stderr, "%s\n", writer.error().message.c_str()), 1;
  Messages messages(arguments.domains);
  reportd::DatagramReader reader;
  reportd::Tally tally({});
  const double begin = now_seconds();
  std::uint64_t number = 0;
  for (std::uint64_t second = 0; second < 86'400; second += arguments.every) {
    const std::uint64_t due = arguments.sessions * (second + arguments.every) / 86'400;
    const Time at = kMidnight + static_cast<std::int64_t>(second) * kSecond;
    while (number < due) {
      const std::string_view text = messages.next(number++, arguments.failures);
      if (tally.again("out", text, at)) continue;
      const auto event = reader.read(text);
      if (!event) return 1;
      tally.add("out", "mta", **event, at, text);
    }
    (*writer)->wait();  // the next second has not come yet
    (*writer)->submit(tally.take());
  }
  (*writer)->wait();
  std::printf(
      "{\"sessions\":%llu,\"seconds\":%.2f,\"cpu\":%.2f,\"rss_kib\":%llu,\"minutes_kib\":%llu}\n",
      static_cast<unsigned long long>((*writer)->counters().sessions), now_seconds() - begin,
      cpu_seconds(), static_cast<unsigned long long>(peak_rss_kib()),
      static_cast<unsigned long long>(failures.bytes() / 1'024));
  return 0;
}

}  // namespace mxw::bench
