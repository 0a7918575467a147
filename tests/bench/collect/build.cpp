// The reports of a day that was counted before (day.cpp), built as the daemon does after midnight:
// slice by slice in the loop's thread. `longest` is the longest slice, for which the loop answered
// nobody.
#include "core/store/report_store.hpp"
#include "reportd/day_run.hpp"
#include "tests/bench/collect/bench.hpp"

#include <time.h>

#include <algorithm>

namespace mxw::bench {
namespace {

class NoLookups final : public feed::Lookups {
 public:
  void lookup(feed::LookupKind, std::string_view, Done) override {}
};

double now_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int build(const Arguments& arguments) {
  constexpr store::Day kCounted = 20'783;
  const Time now{(kCounted + 1) * kDay + 31 * kMinute};
  auto opened = store::ReportStore::open(arguments.store);
  if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
  store::ReportStore& store = **opened;
  NoLookups lookups;
  reportd::DayRunSettings settings;
  settings.build.organisation = "Example";
  settings.build.contact = "tls@reports.example.net";
  settings.send = true;
  reportd::DayRun days(store, lookups, settings,
                       [&](store::Day day, const std::function<void()>& frozen) {
                         if (store.freeze(0, day, now)) frozen();
                       });
  const double begin = now_seconds();
  double longest = 0, slice = begin;
  days.tick(now);
  while (days.work(now)) {
    const double end = now_seconds();
    longest = std::max(longest, end - slice);
    slice = end;
  }
  std::printf(
      "{\"reports\":%llu,\"seconds\":%.2f,\"longest\":%.3f,\"cpu\":%.2f,\"rss_kib\":%llu}\n",
      static_cast<unsigned long long>(
          days.counters().built[static_cast<std::size_t>(reportd::Built::stored)]),
      now_seconds() - begin, longest, cpu_seconds(),
      static_cast<unsigned long long>(peak_rss_kib()));
  return 0;
}

}  // namespace mxw::bench
