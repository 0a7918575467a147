// usage: mxw-bench-collect drive|serve|day|build [--NAME VALUE]...
//
// serve: a collector on --socket with its store at --store, until SIGTERM. drive: sends to it. day:
// counts a day of sessions without a socket. build: makes the reports of that day. Each prints one
// JSON object. tests/bench/collect_run says what is measured with them.
#include <cstdlib>

#include "tests/bench/collect/bench.hpp"

namespace {

bool take(mxw::bench::Arguments& to, std::string_view name, const char* value) {
  const auto number = [value] { return std::strtoull(value, nullptr, 10); };
  if (name == "--socket") return to.socket = value, true;
  if (name == "--store") return to.store = value, true;
  if (name == "--domains") return to.domains = number(), true;
  if (name == "--failures") return to.failures = number(), true;
  if (name == "--rate") return to.rate = number(), true;
  if (name == "--seconds") return to.seconds = std::strtod(value, nullptr), true;
  if (name == "--burst") return to.burst = number(), true;
  if (name == "--sessions") return to.sessions = number(), true;
  if (name == "--every") return to.every = number(), true;
  if (name == "--per-event") return to.per_event = number() != 0, true;
  if (name == "--blocking") return to.blocking = number() != 0, true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  mxw::bench::Arguments arguments;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!take(arguments, argv[i], argv[i + 1])) return 2;
  }
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "drive") return mxw::bench::drive(arguments);
  if (what == "serve") return mxw::bench::serve(arguments);
  if (what == "day") return mxw::bench::day(arguments);
  if (what == "build") return mxw::bench::build(arguments);
  return 2;
}
