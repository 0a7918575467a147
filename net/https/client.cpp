#include "net/https/client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "net/https/routable.hpp"
#include "net/https/transfer.hpp"

namespace mxw::https {
namespace {

// libcurl keeps global state once a process; nothing of it is ever given back.
CURLcode library_status() {
  static const CURLcode status = curl_global_init(CURL_GLOBAL_DEFAULT);
  return status;
}

FetchResult failed(Cause cause, std::string detail) {
  FetchResult result;
  result.cause = cause;
  result.detail = std::move(detail);
  return result;
}

}  // namespace

struct Client::Job {
  Job(Exchange asked, Callback called) : exchange(std::move(asked)), callback(std::move(called)) {}

  Exchange exchange;  // with the addresses that may be reached
  Callback callback;
  std::int64_t deadline = 0;
  std::size_t next = 0;  // address to try
  std::unique_ptr<Transfer> transfer;
};

Client::Client(EventLoop& loop, ClientConfig config)
    : loop_(loop),
      config_(std::move(config)),
      curl_timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }),
      deliver_timer_(loop, [this] { deliver(); }),
      alive_(std::make_shared<bool>(true)) {}

Result<std::unique_ptr<Client>> Client::create(EventLoop& loop, ClientConfig config) {
  std::unique_ptr<Client> client(new Client(loop, std::move(config)));
  if (auto opened = client->open(); !opened) return std::unexpected(std::move(opened.error()));
  return client;
}

Result<void> Client::open() {
  if (const CURLcode status = library_status(); status != CURLE_OK) {
    return fail(ErrorKind::environment, std::string("libcurl: ") + curl_easy_strerror(status));
  }
  if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL) == 0) {
    return fail(ErrorKind::usage, "libcurl has no TLS");
  }
  multi_ = curl_multi_init();
  if (multi_ == nullptr) return fail(ErrorKind::environment, "libcurl: out of memory");
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Client::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Client::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  return {};
}

Client::~Client() {
  *alive_ = false;
  for (const std::unique_ptr<Job>& job : active_) {
    curl_multi_remove_handle(multi_, job->transfer->easy());
  }
  active_.clear();
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

bool Client::may_reach(const IpAddress& address, std::uint16_t port) const {
  const bool allowed =
      std::any_of(config_.allow.begin(), config_.allow.end(),
                  [&address](const Cidr& prefix) { return prefix.contains(address); });
  return allowed || (port == kHttpsPort && is_globally_routable(address));
}

void Client::run(Exchange exchange, Callback callback) {
  std::vector<IpAddress>& addresses = exchange.addresses;
  if (addresses.empty())
    return finish(std::move(callback), failed(Cause::no_address, "no address"));
  std::erase_if(addresses, [this, &exchange](const IpAddress& address) {
    return !may_reach(address, exchange.port);
  });
  if (addresses.empty()) {
    return finish(std::move(callback),
                  failed(Cause::address_refused, "no address that may be reached"));
  }
  addresses.resize(std::min(addresses.size(), kAddresses));
  auto job = std::make_unique<Job>(std::move(exchange), std::move(callback));
  if (active_.size() < kFetches) return begin(std::move(job));
  if (waiting_.size() < kWaitingFetches) return waiting_.push_back(std::move(job));
  finish(std::move(job->callback), failed(Cause::busy, "too many fetches wait"));
}

void Client::begin(std::unique_ptr<Job> job) {
  job->deadline = EventLoop::now() + config_.total_ns;
  if (try_next(*job)) {
    active_.push_back(std::move(job));
  } else {
    finish(std::move(job->callback), failed(Cause::local, "libcurl: out of memory"));
  }
}

bool Client::try_next(Job& job) {
  const std::int64_t left = job.deadline - EventLoop::now();
  job.transfer =
      Transfer::create({.exchange = &job.exchange,
                        .endpoint = {job.exchange.addresses[job.next++], job.exchange.port},
                        .ca_file = config_.ca_file,
                        .insecure = config_.insecure,
                        .connect_ns = std::min(config_.connect_ns, left),
                        .total_ns = left});
  return job.transfer != nullptr && curl_multi_add_handle(multi_, job.transfer->easy()) == CURLM_OK;
}

int Client::on_socket(void* /*easy*/, int fd, int what, void* client, void* /*socket_data*/) {
  static_cast<Client*>(client)->watch(fd, what);
  return 0;
}

int Client::on_timer(void* /*multi*/, long timeout_ms, void* client) {
  Timer& timer = static_cast<Client*>(client)->curl_timer_;
  if (timeout_ms < 0) {
    timer.stop();
  } else {
    timer.start(timeout_ms * kMillisecond);
  }
  return 0;
}

void Client::watch(int fd, int what) {
  // libcurl 7.88 says this after it closed a socket that never connected, but in the same call: no
  // other socket of this thread has the number yet, and the kernel has forgotten the watch itself.
  if (what == CURL_POLL_REMOVE) return loop_.remove(fd);
  const auto wanted = static_cast<unsigned>(what);
  const std::uint32_t events = ((wanted & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0U) |
                               ((wanted & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0U);
  if (loop_.watched(fd)) return loop_.modify(fd, events);
  // When the kernel refuses to watch it, the transfer ends with its timeout.
  (void)loop_.add(fd, events, [this, fd](std::uint32_t ready) {
    int told = 0;
    if ((ready & EPOLLIN) != 0) told |= CURL_CSELECT_IN;
    if ((ready & EPOLLOUT) != 0) told |= CURL_CSELECT_OUT;
    if ((ready & (EPOLLERR | EPOLLHUP)) != 0) told |= CURL_CSELECT_ERR;
    act(fd, told);
  });
}

void Client::act(int fd, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, events, &running);
  collect();
}

void Client::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) on_done(message->easy_handle, message->data.result);
  }
  while (!waiting_.empty() && active_.size() < kFetches) {
    std::unique_ptr<Job> job = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(job));
  }
}

void Client::on_done(void* easy, int code) {
  const auto place = std::find_if(
      active_.begin(), active_.end(),
      [easy](const std::unique_ptr<Job>& job) { return job->transfer->easy() == easy; });
  Job& job = **place;
  curl_multi_remove_handle(multi_, easy);
  FetchResult result = job.transfer->result(static_cast<CURLcode>(code));
  const bool another = !job.transfer->connected() && job.next < job.exchange.addresses.size() &&
                       EventLoop::now() < job.deadline;
  if (another && try_next(job)) return;
  Callback callback = std::move(job.callback);
  active_.erase(place);
  finish(std::move(callback), std::move(result));
}

void Client::finish(Callback callback, FetchResult result) {
  deliveries_.push_back({std::move(callback), std::move(result)});
  deliver_timer_.start(0);
}

void Client::deliver() {
  const std::shared_ptr<bool> alive = alive_;
  while (!deliveries_.empty()) {
    const Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    delivery.callback(delivery.result);
    if (!*alive) return;
  }
}

}  // namespace mxw::https
