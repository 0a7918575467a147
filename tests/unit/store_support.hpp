// What the store tests share: a directory of their own, times, and rows with every member filled.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/store/memory_policy_store.hpp"
#include "core/store/sqlite_policy_store.hpp"

namespace mxw::store {

inline Time at(std::int64_t seconds) {
  return Time{1'795'000'000 * kSecond} + seconds * kSecond;
}

class TemporaryDirectory {
 public:
  // In `folder`; empty: where temporary files go.
  explicit TemporaryDirectory(const std::string& folder = "") {
    const std::filesystem::path in =
        folder.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(folder);
    std::string pattern = (in / "mxw-store-XXXXXX").string();
    if (mkdtemp(pattern.data())) path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

 private:
  std::string path_;
};

template <typename T>
T value_of(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    if constexpr (!std::is_void_v<T>) return T{};
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <typename T>
std::string fault_in(const Result<T>& result) {
  return result ? "none" : std::string(name(result.error().fault));
}

inline DomainRow domain_row(const std::string& name, Time asked = at(0)) {
  return {.tenant = 0,
          .origin = "host-a",
          .name = name,
          .state = DomainState::none,
          .txt_id = "20261121T080000",
          .txt_until = at(3'600),
          .checked_at = at(1),
          .check_result = "ok",
          .neg_until = at(300),
          .refresh_at = at(86'400),
          .fail_count = 2,
          .fail_type = "sts-webpki-invalid",
          .last_asked = asked};
}

inline PolicyRow policy_row(const std::string& domain, const std::string& id, Time fetched,
                            policy::Mode mode = policy::Mode::enforce) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .id = id,
          .mode = mode,
          .body = "version: STSv1\nmode: enforce\nmx: mx." + domain + "\nmax_age: 604800\n",
          .fetched_at = fetched,
          .max_age = 604'800,
          .source = "https"};
}

inline RouteRow route_row(const std::string& domain, const std::string& host,
                          const std::string& address, Time until = at(3'600)) {
  return {.tenant = 0,
          .origin = "host-a",
          .policy_domain = domain,
          .mx_host = host,
          .address = IpAddress::parse(address).value_or(IpAddress{}),
          .source = "dns",
          .seen = at(0),
          .until = until,
          .ad = true};
}

inline TlsaRow tlsa_row(const std::string& base, std::vector<std::uint8_t> rdata,
                        Time until = at(3'600)) {
  return {.tenant = 0,
          .origin = "host-a",
          .base = base,
          .rdata = std::move(rdata),
          .ad = true,
          .until = until};
}

inline EventRow event_row(const std::string& domain, const std::string& kind, Time time = at(0)) {
  return {.tenant = 0,
          .origin = "host-a",
          .time = time,
          .domain = domain,
          .kind = kind,
          .result_type = "sts-policy-fetch-error",
          .detail = "500"};
}

inline TlsrptRow tlsrpt_row(const std::string& domain, const std::string& record, Time confirmed) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .record = record,
          .confirmed_at = confirmed};
}

inline RereadRow reread_row(const std::string& domain, Time time) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .at = time,
          .ok = true,
          .id = "20261121T080000",
          .mode = policy::Mode::enforce};
}

inline PolicyFailureRow failure_row(const std::string& domain, Time from, std::optional<Time> to,
                                    Time seen) {
  return {.tenant = 0,
          .origin = "host-a",
          .domain = domain,
          .mx_host = "mx.example.org",
          .result = "tlsa-invalid",
          .reason = "no usable TLSA record",
          .from = from,
          .to = to,
          .seen = seen};
}

// The kinds of store that must behave alike.
struct InFile {
  std::unique_ptr<PolicyStore> make(Time now) {
    return value_of(SqlitePolicyStore::open(directory.file("policy.db"), now));
  }
  TemporaryDirectory directory;
};
struct InMemory {
  std::unique_ptr<PolicyStore> make(Time now) { return std::make_unique<MemoryPolicyStore>(now); }
};

template <typename Kind>
class EachPolicyStore : public testing::Test {
 protected:
  void SetUp() override {
    store_ = kind_.make(at(0));
    ASSERT_NE(store_, nullptr);
  }

  Kind kind_;
  std::unique_ptr<PolicyStore> store_;
};
using PolicyStoreKinds = testing::Types<InFile, InMemory>;

}  // namespace mxw::store
