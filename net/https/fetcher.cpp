#include "net/https/fetcher.hpp"

#include <utility>

#include "net/https/client.hpp"

namespace mxw::https {

Fetcher::Fetcher(std::unique_ptr<Client> client) : client_(std::move(client)) {}
Fetcher::~Fetcher() = default;

Result<std::unique_ptr<Fetcher>> Fetcher::create(EventLoop& loop, FetchConfig config) {
  auto client = Client::create(loop, {.ca_file = std::move(config.ca_file),
                                      .total_ns = config.total_ns,
                                      .connect_ns = config.connect_ns,
                                      .allow = std::move(config.allow)});
  if (!client) return std::unexpected(std::move(client.error()));
  return std::unique_ptr<Fetcher>(new Fetcher(std::move(*client)));
}

void Fetcher::fetch(FetchRequest request, Callback callback) {
  Exchange exchange;
  exchange.host = "mta-sts." + request.domain.text();
  exchange.url = "https://" + exchange.host + "/.well-known/mta-sts.txt";
  exchange.addresses = std::move(request.addresses);
  exchange.port = request.port;
  client_->run(std::move(exchange), std::move(callback));
}

std::size_t Fetcher::in_flight() const {
  return client_->in_flight();
}

}  // namespace mxw::https
