// Transfer: one exchange with one address, as a libcurl easy handle. Private to net/https.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/ip.hpp"
#include "net/https/client.hpp"

namespace mxw::https {

class Transfer {
 public:
  struct Target {
    const Exchange* exchange = nullptr;  // outlives the transfer
    Endpoint endpoint;
    std::string ca_file;  // empty = the system's
    bool insecure = false;
    std::int64_t connect_ns = 0, total_ns = 0;
  };

  // Null when libcurl refuses an option (out of memory).
  static std::unique_ptr<Transfer> create(Target target);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }

  // What libcurl's code means, once it is done.
  [[nodiscard]] FetchResult result(CURLcode code);

  // Whether TCP was established; where not, another address may do.
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  explicit Transfer(Target target) : target_(std::move(target)) {}
  [[nodiscard]] bool set_options();
  [[nodiscard]] bool set_where();
  [[nodiscard]] bool set_what();
  [[nodiscard]] bool set_verification();
  [[nodiscard]] bool set_what_is_off();
  [[nodiscard]] bool set_callbacks();

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* transfer);
  static curl_socket_t on_socket(void* transfer, curlsocktype purpose, curl_sockaddr* address);
  static CURLcode on_ssl(CURL* easy, void* ssl_ctx, void* transfer);

  [[nodiscard]] bool take_header(std::string_view line);
  [[nodiscard]] bool take_body(std::string_view data);
  [[nodiscard]] Cause judge_head() const;
  [[nodiscard]] Cause judge_status() const;
  [[nodiscard]] Cause cause_of(CURLcode code) const;
  [[nodiscard]] std::string detail_of(Cause cause, CURLcode code) const;
  [[nodiscard]] long info(CURLINFO what) const;

  struct EasyFree {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct ListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  Target target_;
  std::string body_;
  std::size_t header_bytes_ = 0, answer_bytes_ = 0;
  bool connected_ = false;     // TLS has begun
  bool head_done_ = false;     // of the final response
  Cause stopped_ = Cause::ok;  // why we broke off ourselves
  std::unique_ptr<curl_slist, ListFree> connect_to_, fields_;
  std::unique_ptr<CURL, EasyFree> easy_;
};

}  // namespace mxw::https
