// What the parts of mxw-bench-collect share: the datagrams, and what a process used.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::bench {

struct Arguments {
  std::string socket, store;
  std::uint64_t domains = 10'000, failures = 5;  // percent
  std::uint64_t rate = 0;                        // a second; 0: as fast as it goes
  double seconds = 5;
  std::uint64_t burst = 0;              // that many at once, instead
  std::uint64_t sessions = 10'000'000;  // of a day
  std::uint64_t every = 1;              // simulated seconds between two commits
  bool per_event = false;               // a socket for each, as libtlsrpt does
  bool blocking = false;
};

int drive(const Arguments& arguments);
int serve(const Arguments& arguments);
int day(const Arguments& arguments);
int build(const Arguments& arguments);

// Datagrams as Postfix sends them: of each domain one success, and one failure whose receiving-ip
// is another one each time.
class Messages {
 public:
  explicit Messages(std::uint64_t domains) {
    for (std::uint64_t i = 0; i < domains; ++i) {
      success_.push_back(make(i, ""));
      failure_.push_back(make(i, kFailure));
      address_.push_back(failure_.back().find(kAddress));
    }
  }
  // Good until the next failure of that domain.
  [[nodiscard]] std::string_view next(std::uint64_t number, std::uint64_t percent) {
    const std::uint64_t domain = mix(number) % success_.size();
    if (mix(number ^ 0x5eed) % 100 >= percent) return success_[domain];
    char digits[10];
    const auto address = static_cast<unsigned>(++failures_);
    std::snprintf(digits, sizeof digits, "%04x:%04x", address >> 16 & 0xffff, address & 0xffff);
    std::memcpy(failure_[domain].data() + address_[domain] + 10, digits, 9);
    return failure_[domain];
  }

 private:
  static constexpr std::string_view kAddress = "2001:db8::ffff:ffff";
  static constexpr std::string_view kFailure =
      R"("failure-details":[{"c":201,"s": "192.0.2.25","n": "mx1.example.net",)"
      R"("h": "mx1.example.net\r\nPIPELINING\r\nSIZE 52428800\r\nETRN\r\nENHANCEDSTATUSCODES",)"
      R"("r": "2001:db8::ffff:ffff"}],)";

  static std::uint64_t mix(std::uint64_t x) {  // splitmix64
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
  }
  static std::string make(std::uint64_t number, std::string_view failure) {
    const std::string name = "d" + std::to_string(number) + ".example.net";
    return R"({"dpv": "1","d": ")" + name + R"(","pr": "v=TLSRPTv1; rua=mailto:tlsrpt@)" + name +
           R"(","policies":[{"policy-type":2,"policy-domain": ")" + name +
           R"(","policy-string":["version: STSv1","mode: enforce","mx: *.mail.)" + name +
           R"(","max_age: 604800"],"mx-host":["*.mail.)" + name + R"("],)" + std::string(failure) +
           (failure.empty() ? R"("t":0,"f":0}]})" : R"("t":1,"f":1}]})");
  }

  std::vector<std::string> success_, failure_;
  std::vector<std::size_t> address_;
  std::uint64_t failures_ = 0;
};

inline double cpu_seconds(int who = RUSAGE_SELF) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline std::uint64_t peak_rss_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss);
}

}  // namespace mxw::bench
