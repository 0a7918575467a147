#include "reportd/https_post.hpp"

#include <utility>

#include "core/base/check.hpp"

namespace mxw::reportd {
namespace {

Attempt attempt_of(const https::PostResult& result) {
  using Got = https::PostResult::Outcome;
  Attempt attempt;
  attempt.outcome = result.outcome == Got::accepted  ? Attempt::Outcome::accepted
                    : result.outcome == Got::refused ? Attempt::Outcome::refused
                                                     : Attempt::Outcome::retry;
  attempt.detail = result.cause == https::Cause::ok ? "HTTP status " + std::to_string(result.status)
                                                    : result.detail;
  return attempt;
}

}  // namespace

HttpsPost::HttpsPost(https::Poster& poster, AddressLookup lookup)
    : poster_(poster), lookup_(std::move(lookup)), alive_(std::make_shared<bool>(true)) {}

HttpsPost::~HttpsPost() {
  *alive_ = false;
}

// Every end comes by the poster, which calls back from the loop: also that there is no address.
void HttpsPost::post(const std::string& text, std::vector<std::uint8_t> gzip, Done done) {
  auto url = https::parse_https_url(text);
  MXW_CHECK(url.has_value());
  const std::string host = url->host.text();
  auto request = std::make_shared<https::PostRequest>(
      https::PostRequest{.url = std::move(*url),
                         .addresses = {},
                         .media_type = std::string(kReportMediaType),
                         .body = std::move(gzip)});
  lookup_(host, [this, alive = alive_, request, host,
                 done = std::move(done)](const Addresses& found) {
    if (!*alive) return;
    request->addresses = found.addresses;
    const bool known = found.known;
    poster_.post(std::move(*request), [alive, host, known, done](const https::PostResult& result) {
      if (!*alive) return;
      Attempt attempt = attempt_of(result);
      if (!known) attempt.detail = "the address of " + host + " could not be looked up";
      done(attempt);
    });
  });
}

}  // namespace mxw::reportd
