#include "net/https/transfer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/limits.hpp"
#include "net/https/media_type.hpp"
#include "net/https/poster.hpp"
#include "net/https/verification.hpp"

namespace mxw::https {
namespace {

constexpr long kOk = 200;

template <typename T>
bool set(CURL* easy, CURLoption option, T value) {
  return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

long milliseconds(std::int64_t ns) {
  // Zero would mean libcurl's default.
  return static_cast<long>(std::max<std::int64_t>(ns / kMillisecond, 1));
}

std::string bracketed(const IpAddress& address) {
  return address.v4() ? address.text() : '[' + address.text() + ']';
}

template <typename SocketAddress>
SocketAddress copy(const curl_sockaddr& from) {
  SocketAddress to{};
  std::memcpy(&to, &from.addr, std::min<std::size_t>(sizeof to, from.addrlen));
  return to;
}

// What libcurl is about to connect to is the endpoint we pinned.
bool same(const curl_sockaddr& address, const Endpoint& endpoint) {
  const std::uint8_t* const octets = endpoint.address.octets.data();
  if (address.family == AF_INET && endpoint.address.v4()) {
    const auto in = copy<sockaddr_in>(address);
    return ntohs(in.sin_port) == endpoint.port && std::memcmp(&in.sin_addr, octets, 4) == 0;
  }
  if (address.family == AF_INET6 && !endpoint.address.v4()) {
    const auto in = copy<sockaddr_in6>(address);
    return ntohs(in.sin6_port) == endpoint.port && std::memcmp(&in.sin6_addr, octets, 16) == 0;
  }
  return false;
}

}  // namespace

std::unique_ptr<Transfer> Transfer::create(Target target) {
  std::unique_ptr<Transfer> transfer(new Transfer(std::move(target)));
  transfer->easy_.reset(curl_easy_init());
  if (!transfer->easy_ || !transfer->set_options()) return nullptr;
  return transfer;
}

bool Transfer::set_options() {
  return set_where() && set_what() && set_verification() && set_what_is_off() && set_callbacks();
}

// The URL names the host, which is what SNI, the Host field and the certificate go by; where to
// connect is said apart, as an address: libcurl resolves nothing.
bool Transfer::set_where() {
  CURL* const easy = easy_.get();
  const std::string where =
      "::" + bracketed(target_.endpoint.address) + ':' + std::to_string(target_.endpoint.port);
  connect_to_.reset(curl_slist_append(nullptr, where.c_str()));
  return connect_to_ && set(easy, CURLOPT_URL, target_.exchange->url.c_str()) &&
         set(easy, CURLOPT_CONNECT_TO, connect_to_.get()) &&
         set(easy, CURLOPT_PROTOCOLS_STR, "https") &&
         set(easy, CURLOPT_TIMEOUT_MS, milliseconds(target_.total_ns)) &&
         set(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(target_.connect_ns));
}

bool Transfer::set_what() {
  CURL* const easy = easy_.get();
  const Exchange& exchange = *target_.exchange;
  if (!set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) ||
      !set(easy, CURLOPT_USERAGENT, "mxwarden"))
    return false;
  if (!exchange.post) return set(easy, CURLOPT_HTTPGET, 1L);
  // Without Expect the body follows at once: a host that waits for it is not waited for.
  for (const std::string& line : {"Content-Type: " + exchange.media_type, std::string("Expect:")}) {
    curl_slist* const longer = curl_slist_append(fields_.get(), line.c_str());
    if (longer == nullptr) return false;
    (void)fields_.release();
    fields_.reset(longer);
  }
  return set(easy, CURLOPT_POST, 1L) && set(easy, CURLOPT_HTTPHEADER, fields_.get()) &&
         set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.body.size())) &&
         set(easy, CURLOPT_POSTFIELDS, exchange.body.data());
}

// No session is kept: a resumed one would not show its certificate again.
bool Transfer::set_verification() {
  CURL* const easy = easy_.get();
  const bool roots =
      target_.ca_file.empty() || (set(easy, CURLOPT_CAINFO, target_.ca_file.c_str()) &&
                                  set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr)));
  const bool verified = !target_.insecure;
  return roots && set(easy, CURLOPT_SSL_VERIFYPEER, verified ? 1L : 0L) &&
         set(easy, CURLOPT_SSL_VERIFYHOST, verified ? 2L : 0L) &&
         set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
         set(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) &&
         set(easy, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_ssl) &&
         set(easy, CURLOPT_SSL_CTX_DATA, this);
}

// Cookies, .netrc, HSTS, alt-svc and Accept-Encoding are off unless asked for; a proxy is taken
// from the environment unless forbidden.
bool Transfer::set_what_is_off() {
  CURL* const easy = easy_.get();
  return set(easy, CURLOPT_FOLLOWLOCATION, 0L) && set(easy, CURLOPT_PROXY, "") &&
         set(easy, CURLOPT_NOPROXY, "*") &&
         set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) &&
         set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L) && set(easy, CURLOPT_FRESH_CONNECT, 1L) &&
         set(easy, CURLOPT_FORBID_REUSE, 1L) && set(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L) &&
         set(easy, CURLOPT_NOSIGNAL, 1L) && set(easy, CURLOPT_NOPROGRESS, 1L);
}

bool Transfer::set_callbacks() {
  CURL* const easy = easy_.get();
  return set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header) &&
         set(easy, CURLOPT_HEADERDATA, this) &&
         set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body) &&
         set(easy, CURLOPT_WRITEDATA, this) &&
         set(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket) &&
         set(easy, CURLOPT_OPENSOCKETDATA, this) && set(easy, CURLOPT_PRIVATE, this);
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view line(data, size * count);
  return static_cast<Transfer*>(transfer)->take_header(line) ? line.size() : 0;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* transfer) {
  const std::string_view run(data, size * count);
  return static_cast<Transfer*>(transfer)->take_body(run) ? run.size() : 0;
}

// Whatever else libcurl might want to connect to, now or in a later version: only the one address.
curl_socket_t Transfer::on_socket(void* transfer, curlsocktype /*purpose*/,
                                  curl_sockaddr* address) {
  const Target& target = static_cast<Transfer*>(transfer)->target_;
  if (!same(*address, target.endpoint)) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

CURLcode Transfer::on_ssl(CURL* /*easy*/, void* ssl_ctx, void* transfer) {
  auto* const self = static_cast<Transfer*>(transfer);
  self->connected_ = true;
  if (self->target_.insecure) return CURLE_OK;
  return require_dns_id(ssl_ctx, self->target_.exchange->host) ? CURLE_OK : CURLE_FAILED_INIT;
}

// Interim responses (1xx) and trailers come here too.
bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (line == "\r\n" && info(CURLINFO_RESPONSE_CODE) >= kOk) head_done_ = true;
  if (header_bytes_ <= kHeaderBytes) return true;
  stopped_ = Cause::headers_too_large;
  return false;
}

// Of the answer to a POST the status is enough.
bool Transfer::take_body(std::string_view data) {
  if (target_.exchange->post) {
    answer_bytes_ += data.size();
    return answer_bytes_ <= kAnswerBytes;
  }
  stopped_ = judge_head();
  if (stopped_ == Cause::ok && data.size() > limits::kPolicyBytes - body_.size()) {
    stopped_ = Cause::too_large;
  }
  if (stopped_ != Cause::ok) return false;
  body_ += data;
  return true;
}

Cause Transfer::judge_status() const {
  const long status = info(CURLINFO_RESPONSE_CODE);
  if (status >= 300 && status < 400) return Cause::redirect;
  const bool good = target_.exchange->post ? status >= kOk && status < 300 : status == kOk;
  return good ? Cause::ok : Cause::status;
}

Cause Transfer::judge_head() const {
  if (const Cause status = judge_status(); status != Cause::ok) return status;
  const char* type = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &type);
  return type != nullptr && is_plain_text(type) ? Cause::ok : Cause::media_type;
}

long Transfer::info(CURLINFO what) const {
  long value = 0;
  curl_easy_getinfo(easy_.get(), what, &value);
  return value;
}

Cause Transfer::cause_of(CURLcode code) const {
  if (target_.exchange->post && head_done_) return judge_status();
  if (stopped_ != Cause::ok) return stopped_;
  switch (code) {
    case CURLE_OK: {
      if (target_.exchange->post) return Cause::protocol;  // done without a status
      const Cause head = judge_head();
      return head == Cause::ok && body_.empty() ? Cause::empty_body : head;
    }
    case CURLE_COULDNT_CONNECT:
      return Cause::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Cause::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
      return cause_of_verify_result(info(CURLINFO_SSL_VERIFYRESULT));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return Cause::tls;
    case CURLE_OUT_OF_MEMORY:
      // Also libcurl's word for a header line beyond its own limit.
      return connected_ ? Cause::headers_too_large : Cause::local;
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CACERT_BADFILE:
      return Cause::local;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return Cause::interrupted;
    default:
      return Cause::protocol;
  }
}

std::string Transfer::detail_of(Cause cause, CURLcode code) const {
  switch (cause) {
    case Cause::ok:
      return {};
    case Cause::redirect:
    case Cause::status:
      return "HTTP status " + std::to_string(info(CURLINFO_RESPONSE_CODE));
    case Cause::media_type:
      return "the media type is not text/plain";
    case Cause::headers_too_large:
      return "headers over " + std::to_string(kHeaderBytes) + " octets";
    case Cause::too_large:
      return "over " + std::to_string(limits::kPolicyBytes) + " octets";
    case Cause::empty_body:
      return "the policy is empty";
    default:
      return code == CURLE_PEER_FAILED_VERIFICATION
                 ? verify_result_text(info(CURLINFO_SSL_VERIFYRESULT))
                 : curl_easy_strerror(code);
  }
}

FetchResult Transfer::result(CURLcode code) {
  FetchResult result;
  result.cause = cause_of(code);
  result.detail = detail_of(result.cause, code);
  if (head_done_ || !target_.exchange->post) result.status = info(CURLINFO_RESPONSE_CODE);
  result.address = target_.endpoint.address;
  if (result.cause == Cause::ok) result.body = std::move(body_);
  return result;
}

}  // namespace mxw::https
