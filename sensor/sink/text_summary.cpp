// The lines above the findings: what was used, what was read, what was and was not judged.
#include <array>

#include "sensor/sink/text.hpp"

namespace mxw::sink {
namespace {

std::string number(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// " name 12" when there is something to say.
void part(std::string& out, const char* name, std::uint64_t n) {
  if (n > 0) out += std::string(" ") + name + ' ' + number(n);
}

}  // namespace

void TextSink::header(const RunFacts& f, std::string& out) const {
  out += "mxwarden-sensor " + f.version + " (" + f.commit + ") rules " +
         f.rules_sha256.substr(0, 12) + " policies " + std::to_string(f.policies);
  if (f.policies > 0)
    out += " (" + std::to_string(f.policies_enforce) + " enforce, " +
           std::to_string(f.policies_undated) + " undated)";
  out += " CA " + f.ca_name + " own";
  for (const std::string& net : f.own) out += ' ' + net;
  if (f.own.empty()) out += " not given";
  out += " privacy " + f.privacy + "; times UTC\n";
}

void TextSink::inputs(const RunFacts& f, std::string& out) const {
  for (const capture::FileFacts& in : f.inputs) {
    out += in.name + " sha256 " + (in.sha256.empty() ? "-" : in.sha256.substr(0, 16)) + ' ' +
           number(in.packets) + " packets";
    if (in.first && in.last) out += ' ' + format_human(*in.first) + " to " + format_human(*in.last);
    if (in.drops) out += " drops " + number(*in.drops);
    out += " cut " + number(in.cut_packets);
    if (in.unknown_link_packets > 0)
      out += " of unknown link type " + number(in.unknown_link_packets);
    out += '\n';
    if (in.damage) out += "  damaged: " + *in.damage + "; judged up to there\n";
  }
  for (const std::string& note : f.notes) out += note + '\n';
}

void TextSink::coverage(const judge::Coverage& c, std::string& out) const {
  using evidence::Outcome;
  const auto outcome = [&c](Outcome o) { return c.outcomes[static_cast<std::size_t>(o)]; };
  out += "sessions " + number(c.sessions) + ':';
  part(out, "tls", outcome(Outcome::tls));
  part(out, "implicit", outcome(Outcome::implicit_tls));
  part(out, "plaintext", outcome(Outcome::plaintext));
  part(out, "refused", outcome(Outcome::refused));
  part(out, "failed", outcome(Outcome::failed));
  part(out, "none", outcome(Outcome::none));
  part(out, "unknown", outcome(Outcome::unknown));
  out += " |";
  const std::array<const char*, 5> roles{"out", "in", "internal", "transit", "role unknown"};
  for (std::size_t i = 0; i < roles.size(); ++i) part(out, roles[i], c.roles[i]);
  if (c.connections_without_data > 0)
    out += " | connections without data " + number(c.connections_without_data);
  out += "\njudged " + number(c.judged) + " | not judged:";
  part(out, "mid-stream", c.midstream);
  part(out, "one-sided", c.one_sided);
  part(out, "gap", c.gap);
  part(out, "cut", c.cut);
  part(out, "ambiguous", c.ambiguous);
  if (c.judged == c.sessions) out += " none";
  out += "\ncertificates:";
  part(out, "visible", c.cert_visible);
  part(out, "anonymous", c.cert_anonymous);
  part(out, "hidden by TLS 1.3", c.cert_hidden);
  part(out, "resumed", c.cert_resumed);
  part(out, "not seen", c.cert_not_seen);
  if (c.cert_visible + c.cert_anonymous + c.cert_hidden + c.cert_resumed + c.cert_not_seen == 0)
    out += " no completed handshake";
  out += " | DNS answers " + number(c.dns_answers);
  if (c.mx_answers == 0) out += ": MX rules not judged";
  out += "\npolicy:";
  part(out, "known", c.policy_known);
  part(out, "none published", c.policy_denied);
  part(out, "no policy given", c.policy_not_given);
  part(out, "domain not on the wire", c.domain_unknown);
  if (c.sessions == 0) out += " no session";
  out += " | baseline immature " + number(c.servers - c.mature_servers) + " of " +
         number(c.servers) + " MX\n";
  if (c.unable.empty()) return;
  out += "not able to fire:";
  for (std::size_t i = 0; i < c.unable.size(); ++i) {
    out += ' ' + c.unable[i].first;
    const bool last = i + 1 == c.unable.size() || c.unable[i + 1].second != c.unable[i].second;
    if (last) out += " (" + c.unable[i].second + ')';
  }
  out += '\n';
}

// What was left out before it could be judged; silent when there was nothing.
void TextSink::losses(const RunFacts& f, std::string& out) const {
  std::string line;
  part(line, "duplicate packets", f.decode.duplicates);
  part(line, "malformed", f.decode.malformed);
  part(line, "in tunnels not opened", f.decode.unsupported_tunnel);
  part(line, "nested too deep", f.decode.too_deep);
  part(line, "fragments dropped", f.decode.fragments_dropped + f.decode.fragments_expired);
  part(line, "bad checksum ignored", f.flow.bad_checksum_ignored - f.flow.bad_checksum_taken);
  part(line, "bad checksum taken since acknowledged", f.flow.bad_checksum_taken);
  part(line, "segments after their acknowledgement", f.flow.late_segments);
  part(line, "segments out of window", f.flow.out_of_window);
  part(line, "resets out of window", f.flow.resets_ignored);
  part(line, "gaps", f.flow.gaps);
  part(line, "octets missing", f.flow.gap_octets);
  part(line, "conflicting overlaps", f.flow.conflicts);
  part(line, "buffer limit", f.flow.buffer_limit);
  part(line, "connection limit", f.flow.flow_limit);
  part(line, "DNS messages not readable", f.dns.malformed);
  part(line, "DNS answers not asked for", f.dns.unasked);
  if (!line.empty()) out += "left out or noted:" + line + '\n';
}

}  // namespace mxw::sink
