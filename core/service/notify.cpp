#include "core/service/notify.hpp"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <ctime>

namespace mxw::service {
namespace {

constexpr int kKeepEnvironment = 0, kClearEnvironment = 1;

void tell(const std::string& state) {
  sd_notify(kKeepEnvironment, state.c_str());
}

}  // namespace

Notifier::Notifier(EventLoop& loop) : timer_(loop, [this] { alive(); }) {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(kKeepEnvironment, &usec) > 0) {
    interval_ = static_cast<std::int64_t>(usec) * kMicrosecond / 2;
  }
}

Notifier::~Notifier() = default;

void Notifier::alive() {
  tell("WATCHDOG=1");
  timer_.start(interval_);
}

void Notifier::ready() {
  tell("READY=1");
  if (interval_ > 0 && !timer_.running()) alive();
}

void Notifier::reloading() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  const std::int64_t usec = (at.tv_sec * kSecond + at.tv_nsec) / kMicrosecond;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}

void Notifier::stopping() {
  tell("STOPPING=1");
}

void Notifier::status(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  tell("STATUS=" + line);
}

bool Notifier::keep(int fd, const std::string& name) {
  const std::string state = "FDSTORE=1\nFDNAME=" + name;
  return sd_pid_notify_with_fds(0, kKeepEnvironment, state.c_str(), &fd, 1) > 0;
}

void Notifier::forget(const std::string& name) {
  tell("FDSTOREREMOVE=1\nFDNAME=" + name);
}

std::vector<Inherited> listen_fds() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(kClearEnvironment, &names);
  std::vector<Inherited> found;
  for (int i = 0; i < count; ++i) {
    found.push_back({names[i], SD_LISTEN_FDS_START + i});
  }
  for (int i = 0; names != nullptr && names[i] != nullptr; ++i) std::free(names[i]);
  std::free(static_cast<void*>(names));
  return found;
}

}  // namespace mxw::service
