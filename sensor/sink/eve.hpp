// EveSink: one JSON object a line as Suricata's EVE writes them, so that its readers take them
// (docs/output-format.md). Field order is fixed; what is unknown is absent.
#pragma once

#include <string>
#include <vector>

#include "core/base/json_writer.hpp"
#include "sensor/judge/sink.hpp"
#include "sensor/sink/output.hpp"
#include "sensor/sink/run.hpp"

namespace mxw::sink {

struct EveOptions {
  std::string sensor_name;              // `host`; empty: absent
  std::vector<std::string> file_names;  // base names by FrameRef::file
};

class EveSink final : public judge::Sink {
 public:
  // `redactor` is for records that come straight from the wire; both references outlive the sink.
  EveSink(Output& output, EveOptions options, const Redactor& redactor)
      : output_(output), options_(std::move(options)), redactor_(redactor) {}

  void on_session(const evidence::SessionEvidence& session, const evidence::EvidenceUpdate& update,
                  const judge::SessionContext& context, const x509::Chain* chain) override;
  void on_finding(const judge::Finding& finding) override;
  void on_answer(const dnswire::DnsAnswer& answer) override;
  void on_connection(const dnswire::DnsConnection& connection,
                     const evidence::FrameRef& at) override;
  void on_near_miss(const evidence::SessionEvidence* session, const rules::Rule& rule,
                    const std::string& why, const evidence::FrameRef& at) override;
  void finish(const RunFacts& facts);  // the `stats` event

 private:
  struct Flow {
    std::uint64_t id = 0;
    std::uint16_t vlan = 0;
    Endpoint src, dst;
    bool tcp = true;
  };
  // The parts of an event that are the same for all of a connection, made once.
  struct FlowText {
    std::uint64_t id = 0;
    std::string src, dst, community_id;
  };
  static constexpr std::size_t kFlowTexts =
      4'096;  // open connections whose text is kept, by flow_id

  struct FlowFacts {
    Flow flow;
    const evidence::TcpEvidence& tcp;
    evidence::FrameRef start, last;
    evidence::Ended ended;
    const char* app_proto;
    bool alerted;
  };

  static Flow flow_of(const evidence::SessionEvidence& session);
  [[nodiscard]] const FlowText& text_of(const Flow& flow);
  void begin(JsonWriter& json, const char* type, const Flow& flow, const evidence::FrameRef& at,
             const char* app_proto);
  void end(JsonWriter& json);
  void starttls(const evidence::SessionEvidence& s, const evidence::EvidenceUpdate& update,
                const judge::SessionContext& context);
  void smtp(const evidence::SessionEvidence& s, const evidence::EvidenceUpdate& update);
  void tls(const evidence::SessionEvidence& s, const evidence::EvidenceUpdate& update,
           const x509::Chain* chain);
  void flow(const FlowFacts& facts, const evidence::FrameRef& at);

  Output& output_;
  EveOptions options_;
  const Redactor& redactor_;
  std::string line_;
  std::vector<FlowText> texts_ = std::vector<FlowText>(kFlowTexts);
};

}  // namespace mxw::sink
