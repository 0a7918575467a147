#include "net/https/poster.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/ascii.hpp"
#include "net/https/client.hpp"

namespace mxw::https {
namespace {

constexpr std::string_view kScheme = "https://";

// RFC 3986 sections 2.2 to 2.4, without the brackets of address literals.
bool is_url_octet(char c) {
  constexpr std::string_view kOthers = "-._~:/?#@!$&'()*+,;=%";
  return ascii::is_alnum(c) || kOthers.find(c) != std::string_view::npos;
}

PostResult::Outcome outcome_of(const FetchResult& result) {
  // Those that say "later" (semantics 8): Request Timeout, Too Early, Too Many Requests.
  constexpr std::array kLater = {408L, 425L, 429L};
  if (result.cause == Cause::ok) return PostResult::Outcome::accepted;
  const bool refused = result.cause == Cause::status && result.status >= 400 &&
                       result.status < 500 &&
                       std::ranges::find(kLater, result.status) == kLater.end();
  return refused ? PostResult::Outcome::refused : PostResult::Outcome::retry;
}

}  // namespace

std::optional<HttpsUrl> parse_https_url(std::string_view text) {
  if (text.size() > kUrlBytes || !ascii::istarts_with(text, kScheme) ||
      !std::ranges::all_of(text, is_url_octet))
    return std::nullopt;
  const std::string_view whole = text.substr(0, text.find('#'));
  const std::string_view rest = whole.substr(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  const std::size_t colon = std::min(authority.find(':'), authority.size());
  // HostName refuses `@` and address literals.
  auto host = mail::HostName::parse(authority.substr(0, colon));
  if (!host) return std::nullopt;
  std::uint16_t port = kHttpsPort;
  if (colon < authority.size()) {
    const auto number = ascii::parse_u64(authority.substr(colon + 1));
    if (!number || *number == 0 || *number > UINT16_MAX) return std::nullopt;
    port = static_cast<std::uint16_t>(*number);
  }
  return HttpsUrl{.text = std::string(whole), .host = std::move(*host), .port = port};
}

Poster::Poster(std::unique_ptr<Client> client) : client_(std::move(client)) {}
Poster::~Poster() = default;

Result<std::unique_ptr<Poster>> Poster::create(EventLoop& loop, PostConfig config) {
  auto client = Client::create(loop, {.ca_file = std::move(config.ca_file),
                                      .total_ns = config.total_ns,
                                      .connect_ns = config.connect_ns,
                                      .allow = std::move(config.allow),
                                      .insecure = config.insecure});
  if (!client) return std::unexpected(std::move(client.error()));
  return std::unique_ptr<Poster>(new Poster(std::move(*client)));
}

void Poster::post(PostRequest request, Callback callback) {
  Exchange exchange{.url = std::move(request.url.text),
                    .host = request.url.host.text(),
                    .addresses = std::move(request.addresses),
                    .port = request.url.port,
                    .post = true,
                    .media_type = std::move(request.media_type),
                    .body = std::move(request.body)};
  client_->run(std::move(exchange), [callback = std::move(callback)](const FetchResult& result) {
    callback({.outcome = outcome_of(result),
              .cause = result.cause,
              .status = result.status,
              .detail = result.detail,
              .address = result.address});
  });
}

std::size_t Poster::in_flight() const {
  return client_->in_flight();
}

}  // namespace mxw::https
