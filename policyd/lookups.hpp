// What the engine needs of the network, as two interfaces, and the real ones behind them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

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
    const auto counted = [this, callback = std::move(callback)](const resolve::Answer& answer) {
      ++outcomes_[static_cast<std::size_t>(answer.outcome)];
      if (unanswered_ && (answer.outcome == resolve::Outcome::timeout ||
                          answer.outcome == resolve::Outcome::network))
        unanswered_(answer);
      callback(answer);
    };
    resolver_.query(name, type, counted, resolve::Resolver::Bogus::detect);
  }

  // No server answered: told for every such question.
  void on_unanswered(std::function<void(const resolve::Answer&)> callback) {
    unanswered_ = std::move(callback);
  }
  [[nodiscard]] std::uint64_t count(resolve::Outcome outcome) const {
    return outcomes_[static_cast<std::size_t>(outcome)];
  }

 private:
  resolve::Resolver& resolver_;
  std::array<std::uint64_t, 9> outcomes_{};  // by Outcome
  std::function<void(const resolve::Answer&)> unanswered_;
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
