// What the engine needs of the network, as two interfaces, and the real ones behind them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/dns/message.hpp"
#include "net/https/fetcher.hpp"
#include "net/resolve/answer.hpp"
#include "net/resolve/resolver.hpp"

namespace mxw::policyd {

// The callback comes exactly once, in the loop, never from within query(), and not after the object
// is gone.
class Dns {
 public:
  using Callback = std::function<void(const resolve::Answer&)>;
  virtual ~Dns() = default;
  virtual void query(std::string_view name, dns::Type type, Callback callback) = 0;
};

class Https {
 public:
  using Callback = std::function<void(const https::FetchResult&)>;
  virtual ~Https() = default;
  virtual void fetch(https::FetchRequest request, Callback callback) = 0;  // as Dns::query
};

// SERVFAIL is looked into (Bogus::detect): an attack and an outage are different words.
class ResolverDns final : public Dns {
 public:
  explicit ResolverDns(resolve::Resolver& resolver) : resolver_(resolver) {}  // must outlive this
  void query(std::string_view name, dns::Type type, Callback callback) override {
    resolver_.query(name, type, std::move(callback), resolve::Resolver::Bogus::detect);
  }

 private:
  resolve::Resolver& resolver_;
};

class FetcherHttps final : public Https {
 public:
  // `fetcher` must outlive this. `port`: another than 443 only reaches FetchConfig::allow.
  explicit FetcherHttps(https::Fetcher& fetcher, std::uint16_t port = https::kHttpsPort)
      : fetcher_(fetcher), port_(port) {}
  void fetch(https::FetchRequest request, Callback callback) override {
    request.port = port_;
    fetcher_.fetch(std::move(request), std::move(callback));
  }

 private:
  https::Fetcher& fetcher_;
  std::uint16_t port_;
};

}  // namespace mxw::policyd
