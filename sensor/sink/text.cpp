#include "sensor/sink/text.hpp"

#include <algorithm>

#include "core/base/limits.hpp"
#include "sensor/sink/printable.hpp"

namespace mxw::sink {
namespace {

using rules::Severity;

constexpr std::size_t kOthers = 8;          // further instances named per group
constexpr std::size_t kNearMisses = 1'000;  // lines of --why

std::string join(const std::vector<std::string>& list, const char* separator) {
  std::string out;
  for (const std::string& item : list) {
    if (!out.empty()) out += separator;
    out += item;
  }
  return out;
}

std::string frames_text(const std::vector<std::uint64_t>& frames) {
  std::string out;
  for (const std::uint64_t frame : frames) out += (out.empty() ? "" : ",") + std::to_string(frame);
  return out;
}

std::string_view color_of(Severity severity) {
  switch (severity) {
    case Severity::critical:
    case Severity::high:
      return "\x1b[1;31m";
    case Severity::medium:
      return "\x1b[1;33m";
    default:
      return "\x1b[1m";
  }
}

}  // namespace

std::string TextSink::place(const judge::Finding& f) const {
  std::string out = f.file < options_.file_names.size() ? options_.file_names[f.file] : "-";
  out += " frames " + frames_text(f.frames) + ", " + format_human(f.at.time);
  if (f.session != nullptr)
    out += ", client " + f.session->client.address.text() + ':' +
           std::to_string(f.session->client.port);
  return out;
}

void TextSink::on_finding(const judge::Finding& f) {
  std::string subject;
  if (f.session != nullptr) {
    if (!f.mx_host.empty()) subject = f.mx_host + ' ';
    subject +=
        '[' + f.session->server.address.text() + "]:" + std::to_string(f.session->server.port);
  } else {
    subject = "DNS answer of " + f.answer->resolver.address.text();
  }
  if (!f.policy_domains.empty()) subject += ", domain " + join(f.policy_domains, " or ");
  const Key key{f.rule->id, f.severity, subject + '|' + f.reason};
  const auto found = groups_.find(key);
  if (found != groups_.end()) {
    ++found->second.count;
    if (found->second.others.size() < kOthers) found->second.others.push_back(place(f));
    return;
  }
  if (groups_.size() >= limits::kFindingsInText) {
    ++dropped_;
    return;
  }
  Group& g = groups_[key];
  g.order = groups_.size();
  g.count = 1;
  g.id = f.rule->id;
  g.title = f.rule->title;
  g.subject = subject;
  g.severity = f.severity;
  g.head = place(f) + ", confidence " + std::string(rules::name(f.confidence));
  if (!f.reason.empty()) g.head += ", reason " + f.reason;
  for (const std::string& note : f.notes) g.head += "; " + note;
  g.lines = f.evidence;
  g.not_excluded = f.rule->doc.not_excluded;
  g.next = f.rule->doc.next;
  g.filter = f.filter;
}

void TextSink::on_near_miss(const evidence::SessionEvidence* session, const rules::Rule& rule,
                            const std::string& why, const evidence::FrameRef& at) {
  ++near_miss_count_;
  if (near_misses_.size() >= kNearMisses) return;
  std::string line = rule.id + " frame " + std::to_string(at.frame);
  if (session != nullptr)
    line += ' ' + session->client.address.text() + ':' + std::to_string(session->client.port) +
            " -> " + session->server.address.text() + ':' + std::to_string(session->server.port);
  near_misses_.push_back(line + ' ' + why);
}

void TextSink::group(const Group& g, std::string& out) const {
  const std::string_view on = options_.color ? color_of(g.severity) : "";
  const std::string_view off = options_.color ? "\x1b[0m" : "";
  out += "\n";
  out.append(on).append("[").append(rules::name(g.severity)).append("] ");
  out += g.id + ' ' + g.title;
  out.append(off);
  if (g.count > 1) out += "  x" + std::to_string(g.count);
  out += "\n  " + printable(g.subject) + "\n  " + printable(g.head) + '\n';
  for (const std::string& line : g.lines) out += "    " + printable(line) + '\n';
  if (!g.not_excluded.empty()) {
    out += "  does not exclude:\n";
    for (const std::string& sentence : g.not_excluded) out += "    - " + sentence + '\n';
  }
  if (!g.next.empty()) out += "  next: " + g.next + '\n';
  out += "  Wireshark filter: " + g.filter + '\n';
  for (const std::string& other : g.others) out += "  also: " + printable(other) + '\n';
  const std::uint64_t named = g.others.size() + 1;
  if (g.count > named)
    out += "  and " + std::to_string(g.count - named) + " more (all in --format eve)\n";
}

void TextSink::findings(std::string& out) const {
  std::vector<const Group*> sorted;
  for (const auto& [key, g] : groups_) sorted.push_back(&g);
  std::sort(sorted.begin(), sorted.end(), [](const Group* a, const Group* b) {
    return a->severity != b->severity ? a->severity > b->severity : a->order < b->order;
  });
  if (sorted.empty()) {
    out += "NO FINDINGS (what was not judged is said above)\n";
    return;
  }
  out += "FINDINGS";
  for (int s = 4; s >= 0; --s) {
    std::uint64_t n = 0;
    std::size_t kinds = 0;
    for (const Group* g : sorted)
      if (static_cast<int>(g->severity) == s) {
        n += g->count;
        ++kinds;
      }
    if (n > 0)
      out += (out.ends_with("FINDINGS") ? " " : ", ") + std::to_string(n) + ' ' +
             std::string(rules::name(static_cast<Severity>(s)));
  }
  out += '\n';
  for (const Group* g : sorted) group(*g, out);
  if (dropped_ > 0)
    out += "\n" + std::to_string(dropped_) + " further findings: --format eve lists all\n";
}

void TextSink::finish(const RunFacts& facts) {
  std::string out;
  header(facts, out);
  inputs(facts, out);
  coverage(facts.coverage, out);
  losses(facts, out);
  findings(out);
  if (near_miss_count_ > 0) {
    out += "\nNEAR MISSES " + std::to_string(near_miss_count_) + '\n';
    for (const std::string& line : near_misses_) out += "  " + printable(line) + '\n';
  }
  out += '\n' + facts.exit_line + '\n';
  output_.write(out);
}

}  // namespace mxw::sink
