// Client: exchanges with HTTPS hosts on an EventLoop, one connection each: what Fetcher and Poster
// share. Private to net/https; its rules are told in fetcher.hpp.
//
// Belongs to the loop's thread. The loop must outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/event_loop.hpp"
#include "core/base/ip.hpp"
#include "core/base/result.hpp"
#include "net/https/fetcher.hpp"

namespace mxw::https {

// One request and where it goes.
struct Exchange {
  std::string url, host;             // the host of the URL, for SNI and the certificate
  std::vector<IpAddress> addresses;  // of the host
  std::uint16_t port = kHttpsPort;
  bool post = false;  // else GET of a policy
  std::string media_type;
  std::vector<std::uint8_t> body;
};

struct ClientConfig {
  std::string ca_file;
  std::int64_t total_ns = 0, connect_ns = 0;
  std::vector<Cidr> allow;
  bool insecure = false;  // any certificate
};

class Transfer;

class Client {
 public:
  using Callback = std::function<void(const FetchResult&)>;

  static Result<std::unique_ptr<Client>> create(EventLoop& loop, ClientConfig config);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void run(Exchange exchange, Callback callback);
  [[nodiscard]] std::size_t in_flight() const { return active_.size(); }

 private:
  struct Job;
  struct Delivery {
    Callback callback;
    FetchResult result;
  };

  Client(EventLoop& loop, ClientConfig config);
  Result<void> open();
  static int on_socket(void* easy, int fd, int what, void* client, void* socket_data);
  static int on_timer(void* multi, long timeout_ms, void* client);
  void watch(int fd, int what);
  void act(int fd, int events);

  [[nodiscard]] bool may_reach(const IpAddress& address, std::uint16_t port) const;
  void begin(std::unique_ptr<Job> job);
  [[nodiscard]] bool try_next(Job& job);
  void collect();
  void on_done(void* easy, int code);
  void finish(Callback callback, FetchResult result);
  void deliver();

  EventLoop& loop_;
  ClientConfig config_;
  Timer curl_timer_, deliver_timer_;
  std::deque<std::unique_ptr<Job>> waiting_;
  std::vector<std::unique_ptr<Job>> active_;
  std::deque<Delivery> deliveries_;
  std::shared_ptr<bool> alive_;  // false once destroyed, for the callback that did it
  void* multi_ = nullptr;        // CURLM
};

}  // namespace mxw::https
