#include "sensor/main/pipeline.hpp"

#include <algorithm>

namespace mxw::sensor {

Pipeline::Pipeline(judge::Config config, x509::TrustStore& trust, const Redactor& redactor,
                   judge::Sink& sink)
    : baseline_(config.hash_key),
      judge_(config, trust, redactor, baseline_, sink),
      sessions_(judge_, redactor),
      dns_(judge_, config.hash_key),
      flows_(*this, config.hash_key),
      decoder_(decode::Options{.hash_key = config.hash_key}) {}

void Pipeline::on_packet(const capture::PacketView& packet) {
  last_ = std::max(last_, packet.at.time);
  decoder_.decode(packet, *this);
}

void Pipeline::finish() {
  flows_.finish();
}

void Pipeline::on_segment(const decode::Segment& segment) {
  flows_.on_segment(segment);
}

void Pipeline::on_datagram(const decode::Datagram& datagram) {
  flows_.advance(datagram.at.time);
  dns_.on_datagram(datagram);
}

std::unique_ptr<flow::StreamHandler> Pipeline::make(const flow::Connection& connection,
                                                    Bytes first) {
  if (connection.server.port == dnswire::kDnsPort)
    return std::make_unique<dnswire::TcpHandler>(connection, dns_);
  return sessions_.make(connection, first);
}

}  // namespace mxw::sensor
