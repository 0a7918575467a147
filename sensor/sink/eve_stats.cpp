// The `stats` event: counters under Suricata's names, ours and the coverage under `stats.mxwarden`.
#include "sensor/sink/eve.hpp"

namespace mxw::sink {
namespace {

void coverage(JsonWriter& json, const judge::Coverage& c) {
  json.key("coverage").begin_object();
  json.member("sessions", c.sessions).member("judged", c.judged);
  json.key("not_judged").begin_object().member("midstream", c.midstream);
  json.member("one_sided", c.one_sided).member("gap", c.gap).member("cut", c.cut);
  json.member("ambiguous", c.ambiguous).end_object();
  json.member("connections_without_data", c.connections_without_data);
  json.key("outcome").begin_object();
  for (std::size_t i = 0; i < c.outcomes.size(); ++i)
    json.member(evidence::name(static_cast<evidence::Outcome>(i)), c.outcomes[i]);
  json.end_object();
  json.key("role").begin_object();
  for (std::size_t i = 0; i < c.roles.size(); ++i)
    json.member(rules::name(static_cast<rules::Role>(i)), c.roles[i]);
  json.end_object();
  json.key("certificate").begin_object().member("visible", c.cert_visible);
  json.member("anonymous", c.cert_anonymous).member("hidden", c.cert_hidden);
  json.member("resumed", c.cert_resumed).member("not_seen", c.cert_not_seen).end_object();
  json.key("policy").begin_object().member("known", c.policy_known);
  json.member("none_published", c.policy_denied).member("not_given", c.policy_not_given);
  json.member("domain_unknown", c.domain_unknown).end_object();
  json.member("dns_answers", c.dns_answers).member("mx_answers", c.mx_answers);
  json.key("baseline").begin_object().member("servers", c.servers);
  json.member("mature", c.mature_servers).end_object();
  if (!c.unable.empty()) {
    json.key("not_able_to_fire").begin_object();
    for (const auto& [rule, why] : c.unable) json.member(rule, why);
    json.end_object();
  }
  json.end_object();
}

void counters(JsonWriter& json, const RunFacts& f) {
  const decode::Counters& d = f.decode;
  json.key("decoder").begin_object().member("pkts", d.packets).member("bytes", d.bytes);
  json.member("invalid", d.malformed).member("ipv4", d.ipv4).member("ipv6", d.ipv6);
  json.member("tcp", d.tcp).member("udp", d.udp).end_object();
  json.key("flow").begin_object().member("total", f.flow.connections);
  json.member("active", f.flow.active).end_object();
  json.key("tcp").begin_object().member("sessions", f.flow.connections);
  json.member("reassembly_gap", f.flow.gaps).member("midstream_pickups", f.flow.midstream);
  json.member("invalid_checksum", f.flow.bad_checksum_ignored + f.flow.bad_checksum_accepted);
  json.member("overlap_diff_data", f.flow.conflicts).end_object();
}

void own(JsonWriter& json, const RunFacts& f) {
  const decode::Counters& d = f.decode;
  json.key("decode").begin_object().member("duplicates", d.duplicates).member("cut", d.cut);
  json.member("not_ip", d.not_ip).member("other_protocol", d.other_protocol);
  json.member("unsupported_tunnel", d.unsupported_tunnel).member("too_deep", d.too_deep);
  json.member("fragments", d.fragments).member("fragments_reassembled", d.fragments_reassembled);
  json.member("fragments_dropped", d.fragments_dropped);
  json.member("fragments_expired", d.fragments_expired);
  json.member("fragments_conflicting", d.fragments_conflicting).end_object();
  const flow::Counters& t = f.flow;
  json.key("flow").begin_object().member("gap_octets", t.gap_octets);
  json.member("late_octets", t.late_octets).member("resets_ignored", t.resets_ignored);
  json.member("syn_ignored", t.syn_ignored).member("buffer_limit", t.buffer_limit);
  json.member("flow_limit", t.flow_limit).member("timeouts", t.timeouts);
  json.member("late_segments", t.late_segments).member("out_of_window", t.out_of_window);
  json.member("bad_checksum_ignored", t.bad_checksum_ignored);
  json.member("bad_checksum_taken", t.bad_checksum_taken).end_object();
  json.key("dns").begin_object().member("queries", f.dns.queries);
  json.member("answers", f.dns.answers).member("unasked", f.dns.unasked);
  json.member("conflicts", f.dns.conflicts).member("malformed", f.dns.malformed);
  json.member("forgotten", f.dns.forgotten).end_object();
}

}  // namespace

void EveSink::finish(const RunFacts& f) {
  line_.clear();
  JsonWriter json(line_);
  json.begin_object().member("timestamp", format_eve(f.last)).member("event_type", "stats");
  if (!options_.sensor_name.empty()) json.member("host", options_.sensor_name);
  json.key("stats").begin_object();
  counters(json, f);
  json.key("mxwarden").begin_object();
  own(json, f);
  if (!f.notes.empty()) {
    json.key("notes").begin_array();
    for (const std::string& note : f.notes) json.string(note);
    json.end_array();
  }
  coverage(json, f.coverage);
  json.end_object();
  json.end_object();
  end(json);
}

}  // namespace mxw::sink
