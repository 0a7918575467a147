// Fetcher: gets MTA-STS policies (RFC 8461 section 3.3) without blocking, on an EventLoop
// (libcurl).
//
// One GET of https://mta-sts.DOMAIN/.well-known/mta-sts.txt at an address the caller resolved: TLS
// 1.2 or later, a certificate that leads to a trusted root, is in date and has mta-sts.DOMAIN as
// DNS-ID, HTTP/1.1, status 200, text/plain, at most limits::kPolicyBytes, counted as they come. No
// redirect, proxy, cookie, cache, compression, resumption or second use of a connection. Revocation
// is not checked (the RFC leaves it open). Whether the body is a policy is the caller's question
// (core/policy), and so are back-off and merging of questions for the same domain.
//
// Belongs to the loop's thread. The loop must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/mail/name.hpp"
#include "net/https/cause.hpp"

namespace mxw::https {

// All header fields of a response with interim responses and trailers; Apache and nginx send well
// below 1 KiB, browsers take 256 KiB.
inline constexpr std::size_t kHeaderBytes = 16'384;
// At the same time: each holds about 256 KiB (TLS, libcurl's and our buffers).
inline constexpr std::size_t kFetches = 64;
// Behind them. Four peers' 1,024 questions (semantics 11).
inline constexpr std::size_t kWaitingFetches = 4'096;
// Tried one after the other, until TCP is established with one.
inline constexpr std::size_t kAddresses = 8;
inline constexpr std::uint16_t kHttpsPort = 443;

struct FetchConfig {
  // PEM; empty = the system's roots. Read for each fetch: one that cannot be read is our trouble
  // (Cause::local), never the policy host's, and is forgotten once it can.
  std::string ca_file;
  std::int64_t total_ns = 1 * kMinute;     // RFC 8461 section 3.3; all addresses together
  std::int64_t connect_ns = 10 * kSecond;  // of one address, with TLS
  // Addresses reached although they are not globally routable, and on any port: for labs.
  std::vector<Cidr> allow;
};

struct FetchRequest {
  mail::HostName domain;
  std::vector<IpAddress> addresses;  // of mta-sts.DOMAIN
  std::uint16_t port = kHttpsPort;   // another only for addresses of FetchConfig::allow
};

struct FetchResult {
  Cause cause = Cause::no_address;
  std::string body;    // only with Cause::ok
  std::string detail;  // for people, our words or a library's, never the server's; empty with ok
  long status = 0;     // HTTP, 0 when none came
  IpAddress address;   // tried last; family 0 when none was
};

class Client;

class Fetcher {
 public:
  using Callback = std::function<void(const FetchResult&)>;

  // Error (environment) when libcurl cannot start; (usage) when it has no TLS or the CA
  // file cannot be read.
  static Result<std::unique_ptr<Fetcher>> create(EventLoop& loop, FetchConfig config);
  ~Fetcher();  // connections are closed, no callback comes any more
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // The callback comes exactly once, in the loop, never from within fetch(); it may fetch again and
  // may destroy the Fetcher. Addresses that may not be reached are left out, as are those after the
  // first kAddresses.
  void fetch(FetchRequest request, Callback callback);

  [[nodiscard]] std::size_t in_flight() const;

 private:
  explicit Fetcher(std::unique_ptr<Client> client);

  std::unique_ptr<Client> client_;
};

}  // namespace mxw::https
