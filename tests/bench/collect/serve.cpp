// The collector as the daemon runs it: its thread, the writer's thread, a store on disk.
#include <signal.h>
#include <time.h>

#include "reportd/collector.hpp"
#include "tests/bench/collect/bench.hpp"

namespace mxw::bench {

int serve(const Arguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  reportd::PolicyFailures failures;
  auto writer = reportd::TallyWriter::start({.path = arguments.store}, &failures);
  if (!writer) return std::fprintf(stderr, "%s\n", writer.error().message.c_str()), 1;
  reportd::CollectorSettings settings;
  settings.sources = {{"out", {}, reportd::SourceMode::mta, arguments.socket}};
  auto collector = reportd::CollectorThread::start(settings, **writer, [] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return Time{now.tv_sec * kSecond + now.tv_nsec};
  });
  if (!collector) return std::fprintf(stderr, "%s\n", collector.error().message.c_str()), 1;
  std::printf("{\"qlen\":%d}\n", (*collector)->qlen().value_or(0));
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  collector->reset();
  (*writer)->wait();
  const auto counters = (*writer)->counters();
  std::printf(
      "{\"sessions\":%llu,\"commits\":%llu,\"lost\":%llu,\"last_commit\":%.3f,\"cpu\":%.3f,"
      "\"rss_kib\":%llu}\n",
      static_cast<unsigned long long>(counters.sessions),
      static_cast<unsigned long long>(counters.commits),
      static_cast<unsigned long long>(counters.lost),
      static_cast<double>(counters.last_commit_ns) / 1e9, cpu_seconds(),
      static_cast<unsigned long long>(peak_rss_kib()));
  return 0;
}

}  // namespace mxw::bench
