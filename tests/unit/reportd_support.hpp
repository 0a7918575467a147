// What the tests of reportd's collecting share: datagrams, and what a store holds in words.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "core/base/fd.hpp"
#include "core/ipc/address.hpp"
#include "core/store/report_store.hpp"
#include "reportd/datagram.hpp"
#include "reportd/tally.hpp"
#include "tests/unit/store_support.hpp"

namespace mxw::reportd {

inline constexpr store::Day kToday = 20'783;
inline constexpr Time kMidnight{std::int64_t{kToday} * kDay};
inline constexpr Time kNoon{kMidnight.ns + 12 * kHour};

// A session with `domain`, whose record is that of reports@.
inline std::string datagram(const std::string& domain, const std::string& policies) {
  return R"({"dpv": "1","d": ")" + domain + R"(","pr": "v=TLSRPTv1; rua=mailto:reports@)" + domain +
         R"(","policies":[)" + policies + "]}";
}
inline std::string sts(const std::string& rest) {
  return R"({"policy-type":2,"policy-string":["version: STSv1","mode: enforce","mx: mx.example.net",)"
         R"("max_age: 86400"],"mx-host":["mx.example.net"],)" +
         rest + "}";
}
inline std::string good() {
  return datagram("example.net", sts(R"("t":0,"f":0)"));
}

inline std::string shown(const IpAddress& address) {
  return address.family == 0 ? "" : address.text();
}
inline std::string flat(std::string_view lines) {
  std::string out(lines);
  std::ranges::replace(out, '\n', '|');
  return out;
}

// One line for each key and one for each detail below it, ascending.
inline std::string dump(store::ReportStore& store, store::Day day) {
  std::string out;
  std::vector<std::string> domains = store.domains(0, day, "", 1'000'000).value();
  domains.insert(domains.begin(), "");  // what has no domain of its own
  for (const std::string& domain : domains) {
    std::vector<std::string> lines;
    const auto rows = store.tallies({0, day, domain}).value();
    for (const store::TallyRow& row : rows) {
      const store::TallyKey& key = row.key;
      std::string line = key.source + ' ' + key.domain + ' ' + key.type + " [" + flat(key.strings) +
                         "] [" + flat(key.mx_hosts) + "] " + std::to_string(row.success) + '/' +
                         std::to_string(row.failure) + '/' + std::to_string(row.undetermined) +
                         '\n';
      const auto failures = store.failures(row.id).value();
      for (const store::FailureRow& failure : failures) {
        line += "  " + std::to_string(failure.count) + ' ' + failure.key.result_type + ' ' +
                shown(failure.key.sending_ip) + ' ' + failure.key.mx_host + ' ' +
                failure.key.mx_helo + ' ' + shown(failure.key.receiving_ip) + ' ' +
                failure.key.reason + '\n';
      }
      lines.push_back(line);
    }
    std::ranges::sort(lines);
    for (const std::string& line : lines) out += line;
  }
  return out;
}

// Whether it could be sent.
inline bool send_datagram(const std::string& path, const std::string& text, int send_buffer = 0) {
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (send_buffer > 0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  const ipc::SystemAddress address = ipc::unix_address(path);
  return ::sendto(fd.get(), text.data(), text.size(), MSG_DONTWAIT, address.get(),
                  address.length) == static_cast<ssize_t>(text.size());
}

}  // namespace mxw::reportd
