// Pipeline: one run of decode, flow, session, DNS and judge over a stream of packets, wired
// together. Its state is one vantage point; inputs kept apart get a pipeline each.
#pragma once

#include "sensor/decode/decoder.hpp"
#include "sensor/dns/tracker.hpp"
#include "sensor/flow/flow_table.hpp"
#include "sensor/judge/judge.hpp"
#include "sensor/session/session.hpp"

namespace mxw::sensor {

class Pipeline final : private decode::Visitor, private flow::HandlerFactory {
 public:
  // `trust`, `redactor` and `sink` outlive the pipeline.
  Pipeline(judge::Config config, x509::TrustStore& trust, const Redactor& redactor,
           judge::Sink& sink);

  void on_packet(const capture::PacketView& packet);
  void finish();

  [[nodiscard]] const judge::Judge& judge() const { return judge_; }
  [[nodiscard]] const decode::Counters& decode_counters() const { return decoder_.counters(); }
  [[nodiscard]] const flow::Counters& flow_counters() const { return flows_.counters(); }
  [[nodiscard]] const dnswire::Counters& dns_counters() const { return dns_.counters(); }
  [[nodiscard]] Time last() const { return last_; }

 private:
  void on_segment(const decode::Segment& segment) override;
  void on_datagram(const decode::Datagram& datagram) override;
  std::unique_ptr<flow::StreamHandler> make(const flow::Connection& connection,
                                            Bytes first) override;

  judge::RunBaseline baseline_;
  judge::Judge judge_;
  session::SessionFactory sessions_;
  dnswire::Tracker dns_;
  flow::FlowTable flows_;
  decode::Decoder decoder_;
  Time last_;
};

}  // namespace mxw::sensor
