// HttpsPost: a report to an https rua: the address from whoever resolves (policyd), then net/https.
// Belongs to the loop's thread; the poster must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.hpp"
#include "net/https/poster.hpp"
#include "reportd/transport.hpp"

namespace mxw::reportd {

inline constexpr std::string_view kReportMediaType = "application/tlsrpt+gzip";

struct Addresses {
  bool known = true;  // false: the lookup failed
  std::vector<IpAddress> addresses;
};
// Calls back once, perhaps from within; not at all once the process ends.
using AddressLookup =
    std::function<void(const std::string& host, std::function<void(const Addresses&)> found)>;

class HttpsPost final : public PostTransport {
 public:
  HttpsPost(https::Poster& poster, AddressLookup lookup);
  ~HttpsPost() override;
  HttpsPost(const HttpsPost&) = delete;
  HttpsPost& operator=(const HttpsPost&) = delete;

  // REQUIRES: https::parse_https_url takes the URL.
  void post(const std::string& url, std::vector<std::uint8_t> gzip, Done done) override;

 private:
  https::Poster& poster_;
  AddressLookup lookup_;
  std::shared_ptr<bool> alive_;
};

}  // namespace mxw::reportd
