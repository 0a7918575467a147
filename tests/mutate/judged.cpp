#include "judged.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "core/policy/policy_dir.hpp"
#include "core/rules/words.hpp"
#include "sensor/main/pipeline.hpp"

namespace mxw::mutate {
namespace {

class Collector final : public judge::Sink {
 public:
  void on_session(const evidence::SessionEvidence&, const evidence::EvidenceUpdate&,
                  const judge::SessionContext&, const x509::Chain*) override {}
  void on_finding(const judge::Finding& finding) override {
    if (finding.policy_domains.empty()) add(finding, "");
    for (const std::string& domain : finding.policy_domains) add(finding, domain);
  }
  void on_answer(const dnswire::DnsAnswer&) override {}
  void on_connection(const dnswire::DnsConnection&, const evidence::FrameRef&) override {}
  void on_near_miss(const evidence::SessionEvidence*, const rules::Rule&, const std::string&,
                    const evidence::FrameRef&) override {}

  Pairs pairs;

 private:
  void add(const judge::Finding& finding, const std::string& domain) {
    const auto [it, added] = pairs.try_emplace({finding.rule->id, domain}, finding.severity);
    if (!added) it->second = std::max(it->second, finding.severity);
  }
};

template <typename T>
T loaded(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

Cidr net(const char* text) {
  return Cidr::parse(text).value();
}

std::vector<Cidr> networks(Side own) {
  if (own == Side::sender) return {net("192.0.2.0/24"), net("2001:db8:1::/48")};
  return {net("198.51.100.0/24"), net("2001:db8:2::/48")};
}

// The lines of a table without its heading and comments, split at tabs.
std::vector<std::vector<std::string>> table(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + " cannot be read");
  std::vector<std::vector<std::string>> rows;
  std::string line;
  bool heading = true;
  while (std::getline(in, line)) {
    if (line.empty() || line.front() == '#') continue;
    if (std::exchange(heading, false)) continue;
    std::vector<std::string> row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

char letter(Side side) {
  return side == Side::sender ? 's' : 'r';
}

std::string text(const Pairs& pairs) {
  std::string out;
  for (const auto& [pair, severity] : pairs)
    out += pair.first + " " + (pair.second.empty() ? "-" : pair.second) + " " +
           std::string(rules::name(severity)) + "\n";
  return out.empty() ? "nothing\n" : out;
}

Pairs beyond(const Pairs& original, const Pairs& mutated) {
  Pairs out;
  for (const auto& [pair, severity] : mutated) {
    std::optional<rules::Severity> bound;
    for (const auto& [known, worst] : original)
      if (known == pair ||
          (known.first == pair.first && pair.second.empty() && !original.contains(pair)))
        bound = std::max(bound.value_or(worst), worst);
    if (!bound || severity > *bound) out.emplace(pair, severity);
  }
  return out;
}

Sensor::Sensor(const std::string& source_dir)
    : trust_(loaded(x509::TrustStore::from_file(source_dir + "/pcaps/ca/lab-ca-two.pem"))) {
  config_.rules = loaded(rules::load(source_dir + "/rules", std::nullopt));
  config_.policies = loaded(policy::load_policy_dir(source_dir + "/pcaps/policies"));
}

Pairs Sensor::judge(const Packets& packets, Side own) {
  config_.own = networks(own);
  Collector collector;
  sensor::Pipeline pipeline(config_, trust_, redactor_, collector);
  std::uint64_t frame = 0;
  for (const Packet& p : packets) {
    ++frame;
    pipeline.on_packet({.bytes = p.bytes,
                        .wire_length = p.wire_length,
                        .link = p.link,
                        .interface = 0,
                        .at = {.frame = frame, .file = 0, .time = p.time, .ordinal = frame},
                        .stable = true});
  }
  pipeline.finish();
  return std::move(collector.pairs);
}

std::vector<Capture> captures(const std::string& source_dir) {
  constexpr std::size_t kFile = 0, kSide = 4, kAttack = 8, kRules = 10;
  std::vector<Capture> out;
  for (const auto& row : table(source_dir + "/pcaps/MANIFEST.tsv"))
    out.push_back({.file = row.at(kFile),
                   .clean = row.at(kAttack) == "none",
                   .side = row.at(kSide).front(),
                   .rules = row.at(kRules)});
  return out;
}

Expected expected(const std::string& source_dir) {
  Expected out;
  for (const auto& row : table(source_dir + "/tests/mutate/expected.tsv")) {
    const auto severity = rules::parse_severity(row.at(3));
    if (!severity || row.at(1).size() != 1)
      throw std::runtime_error("expected.tsv: bad line of " + row.at(0));
    const std::string domain = row.at(4) == "-" ? "" : row.at(4);
    out[{row.at(0), row.at(1).front()}][{row.at(2), domain}] = *severity;
  }
  return out;
}

}  // namespace mxw::mutate
