// How long a reader takes to load its cache file, and how much memory it needs at most:
//
//   cmake --preset release && cmake --build --preset release --target mxw-bench-feed-load
//   build/release/bin/mxw-bench-feed-load FILE [DOMAINS [POLICIES [ROUTES]]]
//
// Writes FILE first, in a process of its own, if it is not there: 300,000 domain rows, 100,000
// policies of about 300 octets and no routes unless said otherwise. Prints one line: rows, octets,
// seconds of wall and of
// processor time, rows per second (of wall), peak resident memory in MiB. The listener is there, as
// in the map.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

#include "core/feed/replica.hpp"

namespace {

using namespace mxw;

struct Plan {
  std::size_t domains = 300'000, policies = 100'000, routes = 0;
};

constexpr Time kNow{1'795'000'000 * kSecond};

std::string domain_name(std::size_t i) {
  return "customer" + std::to_string(i) + ".mail.example";
}

rows::DomainRow domain_row(std::size_t i, bool policy) {
  rows::DomainRow row;
  row.name = domain_name(i);
  row.state = policy ? rows::DomainState::policy : rows::DomainState::none;
  if (policy) row.txt_id = "20261121T080000Z";
  row.txt_until = kNow + kHour;
  row.checked_at = kNow;
  row.check_result = "ok";
  row.refresh_at = kNow + kDay;
  row.last_asked = kNow;
  return row;
}

rows::PolicyRow policy_row(std::size_t i) {
  rows::PolicyRow row;
  row.domain = domain_name(i);
  row.id = "20261121T080000Z";
  row.mode = policy::Mode::enforce;
  row.body = "version: STSv1\r\nmode: enforce\r\n";
  for (int mx = 1; row.body.size() < 270; ++mx)
    row.body += "mx: mx" + std::to_string(mx) + '.' + row.domain + "\r\n";
  row.body += "max_age: 604800\r\n";
  row.valid_from = row.fetched_at = kNow;
  row.max_age = 604'800;
  row.source = "https";
  return row;
}

rows::RouteRow route_row(std::size_t i, std::size_t domains) {
  rows::RouteRow row;
  row.policy_domain = domain_name(i % domains);
  row.mx_host = "mx" + std::to_string(i / domains) + '.' + row.policy_domain;
  row.address = *IpAddress::parse("192.0.2." + std::to_string(i % 250));
  row.source = "mx unsigned insecure";
  row.seen = kNow;
  row.until = kNow + kHour;
  return row;
}

int write_file(const std::string& path, const Plan& plan) {
  feed::Replica replica;
  rows::Sequence seq = 1'795'000'000'000'000;
  const auto put = [&](auto row) {
    row.seq = ++seq;
    replica.on_change(row);
  };
  replica.on_reset();
  for (std::size_t i = 0; i < plan.domains; ++i) put(domain_row(i, i < plan.policies));
  for (std::size_t i = 0; i < plan.policies; ++i) put(policy_row(i));
  for (std::size_t i = 0; i < plan.routes; ++i) put(route_row(i, plan.domains));
  replica.on_end(seq);
  const auto saved = replica.save(path);
  if (!saved) std::fprintf(stderr, "%s\n", saved.error().message.c_str());
  return saved ? 0 : 1;
}

bool written_by_a_child(const std::string& path, const Plan& plan) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(write_file(path, plan));
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1'024;
  }
  return 0;
}

int load(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) return 1;
  feed::Replica replica;
  std::size_t told = 0;
  replica.on_changed({.domain = [&](std::uint32_t, std::string_view) { ++told; }, .tlsa = {}});
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t worked = std::clock();
  const bool loaded = replica.load(path);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double cpu = static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC;
  const auto sizes = replica.sizes();
  if (!loaded || told != sizes.domains) {
    std::fprintf(stderr, "%s: not loaded whole\n", path.c_str());
    return 1;
  }
  const std::size_t rows = sizes.domains + sizes.policies + sizes.routes + sizes.tlsa;
  std::printf("%zu rows  %lld octets  %.3f s  %.3f s cpu  %.0f rows/s  peak %.1f MiB\n", rows,
              static_cast<long long>(there.st_size), took.count(), cpu,
              static_cast<double>(rows) / took.count(), peak_mib());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s FILE [DOMAINS [POLICIES [ROUTES]]]\n", words[0]);
    return 2;
  }
  Plan plan;
  std::size_t* const figures[] = {&plan.domains, &plan.policies, &plan.routes};
  for (int i = 2; i < count && i < 5; ++i) {
    const std::string_view word = words[i];
    std::from_chars(word.data(), word.data() + word.size(), *figures[i - 2]);
  }
  const std::string path = words[1];
  if (::access(path.c_str(), F_OK) != 0 && !written_by_a_child(path, plan)) return 1;
  return load(path);
}
