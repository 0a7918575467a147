// TextSink: the summary a person reads at the end of a replay (docs/output-format.md). Findings are
// grouped by rule, server and domain, worst first; each group shows one instance with the lines
// that prove it.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sensor/judge/sink.hpp"
#include "sensor/sink/output.hpp"
#include "sensor/sink/run.hpp"

namespace mxw::sink {

struct TextOptions {
  bool color = false;
  std::vector<std::string> file_names;
};

class TextSink final : public judge::Sink {
 public:
  TextSink(Output& output, TextOptions options) : output_(output), options_(std::move(options)) {}

  void on_session(const evidence::SessionEvidence&, const evidence::EvidenceUpdate&,
                  const judge::SessionContext&, const x509::Chain*) override {}
  void on_finding(const judge::Finding& finding) override;
  void on_answer(const dnswire::DnsAnswer&) override {}
  void on_connection(const dnswire::DnsConnection&, const evidence::FrameRef&) override {}
  void on_near_miss(const evidence::SessionEvidence* session, const rules::Rule& rule,
                    const std::string& why, const evidence::FrameRef& at) override;
  void finish(const RunFacts& facts);

 private:
  struct Group {
    std::string id, title, subject, head;
    rules::Severity severity = rules::Severity::info;
    std::vector<std::string> lines;  // of the first instance
    std::vector<std::string> not_excluded;
    std::string next, filter;
    std::vector<std::string> others;  // where the other instances are
    std::uint64_t count = 0;
    std::uint64_t order = 0;
  };
  using Key = std::tuple<std::string, rules::Severity, std::string>;

  [[nodiscard]] std::string place(const judge::Finding& finding) const;
  void header(const RunFacts& facts, std::string& out) const;
  void inputs(const RunFacts& facts, std::string& out) const;
  void coverage(const judge::Coverage& c, std::string& out) const;
  void losses(const RunFacts& facts, std::string& out) const;
  void findings(std::string& out) const;
  void group(const Group& g, std::string& out) const;

  Output& output_;
  TextOptions options_;
  std::map<Key, Group> groups_;
  std::uint64_t dropped_ = 0, near_miss_count_ = 0;
  std::vector<std::string> near_misses_;
};

}  // namespace mxw::sink
