// Poster: sends reports to https rua (RFC 8460 section 5.4) without blocking, on an EventLoop.
//
// One POST to an address the caller resolved, under the rules of Fetcher (fetcher.hpp): pinned,
// globally routable or allowed, port 443 unless allowed, TLS 1.2 or later with a verified
// certificate, HTTP/1.1, no redirect, proxy, cookie, credentials or second use of a connection.
// The answer's body is read up to kAnswerBytes and dropped.
//
// Belongs to the loop's thread. The loop must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "core/mail/name.hpp"
#include "net/https/cause.hpp"
#include "net/https/fetcher.hpp"

namespace mxw::https {

inline constexpr std::size_t kAnswerBytes = 65'536;  // as of a policy
inline constexpr std::size_t kUrlBytes = 2'048;      // half a TLSRPT record

// An https URI a report may go to: a host name (no address literal), no user information, only
// characters of RFC 3986. The fragment is cut off.
struct HttpsUrl {
  std::string text;  // what is asked for
  mail::HostName host;
  std::uint16_t port = kHttpsPort;
};
[[nodiscard]] std::optional<HttpsUrl> parse_https_url(std::string_view text);

struct PostConfig {
  std::string ca_file;                     // as FetchConfig
  std::int64_t total_ns = 2 * kMinute;     // all addresses together, the body included
  std::int64_t connect_ns = 10 * kSecond;  // of one address, with TLS
  std::vector<Cidr> allow;                 // not globally routable, or on any port: for labs
  bool insecure = false;                   // take any certificate (RFC 8460 section 3 allows it)
};

struct PostRequest {
  HttpsUrl url;
  std::vector<IpAddress> addresses;  // of url.host
  std::string media_type;            // `application/tlsrpt+gzip`
  std::vector<std::uint8_t> body;
};

struct PostResult {
  // accepted: 2xx. retry: 408, 425, 429, 5xx, 3xx, and everything short of a status. refused: other
  // 4xx, which will not change (semantics 8).
  enum class Outcome : std::uint8_t { accepted, retry, refused };
  Outcome outcome = Outcome::retry;
  Cause cause = Cause::no_address;  // ok with any 2xx
  long status = 0;                  // HTTP, 0 when none came
  std::string detail;               // for people, never the server's words; empty with ok
  IpAddress address;                // tried last; family 0 when none was
};

class Client;

class Poster {
 public:
  using Callback = std::function<void(const PostResult&)>;

  static Result<std::unique_ptr<Poster>> create(EventLoop& loop, PostConfig config);
  ~Poster();  // connections are closed, no callback comes any more
  Poster(const Poster&) = delete;
  Poster& operator=(const Poster&) = delete;

  // The callback comes exactly once, in the loop, never from within post(); it may post again and
  // may destroy the Poster.
  void post(PostRequest request, Callback callback);

  [[nodiscard]] std::size_t in_flight() const;

 private:
  explicit Poster(std::unique_ptr<Client> client);
  std::unique_ptr<Client> client_;
};

}  // namespace mxw::https
