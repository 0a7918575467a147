// Helpers of the session tests: conversations through decoder and FlowTable into Sessions, and what
// a session says of itself as text.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/base/ascii.hpp"
#include "sensor/capture/reader.hpp"
#include "sensor/decode/decoder.hpp"
#include "sensor/flow/flow_table.hpp"
#include "sensor/session/session.hpp"
#include "tests/support/dialogue.hpp"

namespace mxw::session {

struct SessionBench final : evidence::SessionObserver, flow::HandlerFactory, decode::Visitor {
  void on_update(const evidence::SessionEvidence& session,
                 const evidence::EvidenceUpdate& update) override {
    changes.push_back(update.change);
    if (update.change == Change::transaction) told_transactions.push_back(update.index);
    if (update.change == Change::removed) all.push_back(session);
    last = session;
  }
  void on_connection_without_data() override { ++without_data; }
  std::unique_ptr<flow::StreamHandler> make(const flow::Connection& connection,
                                            Bytes first) override {
    return factory.make(connection, first);
  }
  void on_segment(const decode::Segment& segment) override { table.on_segment(segment); }
  void on_datagram(const decode::Datagram&) override {}

  void give(const capture::PacketView& packet) { decoder.decode(packet, *this); }
  void give(const std::vector<test::Captured>& packets) {
    for (const test::Captured& packet : packets) {
      capture::PacketView view;
      view.bytes = packet.bytes;
      view.wire_length =
          std::max(packet.wire_length, static_cast<std::uint32_t>(packet.bytes.size()));
      view.link = capture::kLinkEthernet;
      view.at = {++frame, 0, Time{packet.ns}};
      give(view);
    }
  }
  // The evidence of the only session, at its end. REQUIRES: there is one.
  evidence::SessionEvidence play(const std::vector<test::Captured>& packets) {
    give(packets);
    table.finish();
    return last.value();
  }
  [[nodiscard]] std::size_t count(Change change) const {
    return static_cast<std::size_t>(std::count(changes.begin(), changes.end(), change));
  }

  Redactor redactor;
  SessionFactory factory{*this, redactor};
  flow::FlowTable table{*this, HashKey{1, 2}};
  decode::Decoder decoder{decode::Options{}};
  std::vector<Change> changes;
  std::vector<std::uint32_t> told_transactions;
  std::vector<evidence::SessionEvidence> all;
  std::optional<evidence::SessionEvidence> last;
  std::size_t without_data = 0;
  std::uint64_t frame = 0;
};

// Every field of the evidence but frames, times, and what counts packets, as lines `name=value`.
class Description {
 public:
  explicit Description(const evidence::SessionEvidence& s) {
    connection(s);
    greetings(s);
    transactions(s);
    handshake(s);
  }
  std::string out;

 private:
  template <typename T>
  void put(std::string_view name, const T& value) {
    out.append(name) += '=';
    if constexpr (std::is_convertible_v<const T&, std::string_view>)
      out += value;
    else
      out += std::to_string(static_cast<std::uint64_t>(value));
    out += '\n';
  }
  void quality(const std::string& name, const evidence::Quality& q) {
    put(name, std::to_string(q.midstream) + std::to_string(q.one_sided) + std::to_string(q.gap) +
                  std::to_string(q.cut) + std::to_string(q.ambiguous));
  }
  void connection(const evidence::SessionEvidence& s) {
    put("tenant", s.tenant), put("vlan", s.vlan);
    put("client", s.client.address.text()), put("client_port", s.client.port);
    put("server", s.server.address.text()), put("server_port", s.server.port);
    put("ended", name(s.ended)), put("data_seen", s.data_seen), put("implicit", s.implicit_tls);
    put("offered", name(s.offered())), put("outcome", name(s.outcome()));
    put("mail_from_domain", s.mail_from_domain());
    quality("quality", s.quality);
    for (std::size_t i = 0; i < evidence::kPoints; ++i) {
      put("point", s.points[i].reached);
      quality("point_quality", s.points[i].quality);
    }
    put("banner", s.banner), put("banner_host", s.banner_host), put("banner_code", s.banner_code);
    put("banner_masked", s.banner_masked);
  }
  void greetings(const evidence::SessionEvidence& s) {
    for (const evidence::Greeting& g : s.greetings) {
      put("greeting", g.name), put("esmtp", g.esmtp), put("complete", g.complete);
      put("code", g.code), put("starttls", name(g.starttls)), put("masked", g.masked);
      put("masked8", g.masked8), put("unexplained", g.masked8_unexplained);
      put("chunking", g.chunking), put("binarymime", g.binarymime);
      put("first", g.first_line), put("last", g.last_line);
      for (const std::string& keyword : g.keywords) put("keyword", keyword);
    }
    put("counting", s.counting ? static_cast<std::int64_t>(*s.counting) : 99);
    put("ehlo_code", s.ehlo_code), put("ehlo_refused", s.ehlo_refused);
    put("helo_after", s.helo_after_refusal);
  }
  void transactions(const evidence::SessionEvidence& s) {
    const evidence::StarttlsEvidence& t = s.starttls;
    put("sent", t.sent), put("reply", t.reply_code), put("text", t.reply_text);
    put("after_command", t.bytes_after_command), put("after_220", t.bytes_after_220);
    put("plain", t.plain_after_220), put("overwritten", t.overwritten);
    put("duplicate", t.duplicate_reply);
    put("mail_clear", s.mail_accepted_in_clear), put("auth", s.auth_in_clear);
    put("mechanism", s.auth_mechanism), put("transactions", s.transaction_count);
    for (const evidence::Transaction& x : s.transactions) {
      put("from", x.mail_from), put("from_domain", x.mail_from_domain);
      put("mail_code", x.mail_code), put("data", x.data), put("delivered", x.delivered);
      for (const std::string& to : x.rcpt_to) put("to", to);
      for (const evidence::Recipient& r : x.recipients) put(r.domain, r.code);
    }
    for (const std::string& domain : s.rcpt_domains) put("rcpt_domain", domain);
    for (const evidence::DialogueLine& line : s.dialogue) {
      put(line.from == Dir::client ? "C" : "S", line.text);
      put("offset", line.offset), put("length", line.length);
    }
    put("dropped", s.dialogue_dropped);
    put("server_spoke", s.server_spoke), put("client_spoke", s.client_spoke);
    put("lost", s.smtp_lost), put("http", s.http_on_mail_port);
    put("bare_lf", s.bare_lf_end_of_data), put("verb_after", s.verb_after_end_of_data);
  }
  void handshake(const evidence::SessionEvidence& s) {
    const evidence::TcpEvidence& c = s.tcp;
    put("syn", c.syn), put("synack", c.synack), put("handshake", c.handshake), put("gaps", c.gaps);
    put("bytes", c.bytes[0]), put("bytes", c.bytes[1]), put("conflicts", c.overlap_conflicts);
    put("fin", c.fin[0]), put("fin", c.fin[1]), put("rst", c.rst), put("after", c.rst_then_data);
    const evidence::TlsEvidence& x = s.tls;
    put("ch", x.client_hello), put("sh", x.server_hello), put("hrr", x.hello_retry);
    put("completed", x.completed), put("resumed", x.resumed), put("anonymous", x.anonymous);
    put("sentinel", x.downgrade_sentinel), put("offered13", x.offered_13);
    put("client_not_tls", x.client_not_tls), put("server_not_tls", x.server_not_tls);
    put("certificate", x.certificate_seen), put("version", x.version);
    put("client_version", x.client_version), put("cipher", x.cipher);
    put("client_random", ascii::hex(as_text(x.client_random)));
    put("server_random", ascii::hex(as_text(x.server_random)));
    put("sni", x.sni), put("alpn", x.server_alpn), put("ja3", x.ja3), put("ja3s", x.ja3s);
    put("ja3_string", x.ja3_string), put("ja3s_string", x.ja3s_string), put("ja4", x.ja4);
    for (const std::string& alpn : x.client_alpns) put("client_alpn", alpn);
    if (x.chain)
      for (const auto& der : *x.chain) put("der", ascii::hex(as_text(der)));
    for (const evidence::TlsAlert& a : x.alerts) {
      put("alert", a.description), put("level", a.level);
      put("from", a.from == Dir::client ? "C" : "S");
    }
    put("stage", name(x.fail_stage));
  }
};

inline std::string describe(const evidence::SessionEvidence& s) {
  return Description(s).out;
}

// One connection's octets in the order a handler gets them.
struct TurnRecorder final : flow::StreamHandler {
  explicit TurnRecorder(test::Turns& to) : turns(to) {}
  void on_data(Dir dir, Bytes bytes, std::uint64_t, const FrameRef&) override {
    const char who = dir == Dir::client ? 'C' : 'S';
    if (turns.empty() || turns.back().who != who) turns.push_back({who, {}});
    turns.back().bytes += as_text(bytes);
  }
  void on_gap(Dir, std::uint64_t, std::uint64_t, bool, const FrameRef&) override {}
  void on_conflict(Dir, std::uint64_t, Bytes, Bytes, const FrameRef&) override {}
  void on_reset(Dir, const FrameRef&) override {}
  void on_data_after_reset(Dir, const FrameRef&) override {}
  void on_end(evidence::Ended, const FrameRef&) override {}
  void on_removed(const FrameRef&) override {}
  [[nodiscard]] bool wants_data() const override { return true; }
  [[nodiscard]] bool wants_connection() const override { return true; }
  [[nodiscard]] bool wants_conflicts() const override { return false; }
  test::Turns& turns;
};

// The first mail connection of a capture of ours as turns; empty when it cannot be read.
inline test::Turns turns_of(const std::string& file) {
  struct Reader final : flow::HandlerFactory, decode::Visitor {
    std::unique_ptr<flow::StreamHandler> make(const flow::Connection& c, Bytes) override {
      if (taken || !is_mail_port(c.server.port)) return nullptr;
      taken = true;
      return std::make_unique<TurnRecorder>(turns);
    }
    void on_segment(const decode::Segment& s) override { table.on_segment(s); }
    void on_datagram(const decode::Datagram&) override {}
    bool taken = false;
    test::Turns turns;
    flow::FlowTable table{*this, HashKey{1, 2}};
  } reader;
  auto source = capture::Reader::open(std::string(MXW_SOURCE_DIR) + "/pcaps/" + file, 0, false);
  if (!source) return {};
  decode::Decoder decoder{decode::Options{}};
  while (const auto packet = (*source)->next()) decoder.decode(*packet, reader);
  reader.table.finish();
  return reader.turns;
}

}  // namespace mxw::session
