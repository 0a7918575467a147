// Both directions of a handshake: what was said, and whether it came to an end (semantics 1).
#include "sensor/tls/parser.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sensor/tls/fingerprint.hpp"
#include "sensor/tls/handshake.hpp"
#include "sensor/tls/hello.hpp"
#include "sensor/tls/records.hpp"
#include "sensor/tls/suites.hpp"

namespace mxw::tls {
namespace {

using evidence::Dir;
using evidence::FrameRef;
using evidence::TlsEvidence;

constexpr std::uint16_t kSsl2 = 0x0002;
constexpr std::uint16_t kTls13 = 0x0304;
constexpr std::size_t kAlerts = 4;  // as TlsEvidence says

// Semantics 1. A Finished under TLS 1.3 is 4 + 32 octets, the inner type and the 16 of the tag; an
// alert is 2 and those 17: 19 octets.
constexpr std::size_t kFinished13Octets = 53;
constexpr std::size_t kData13Octets = 20;

constexpr std::uint8_t kFatal = 2;
constexpr std::uint8_t kCloseNotify = 0, kUserCanceled = 90;

// How far the client's encrypted records of TLS 1.3 prove that it took the server's Finished.
enum class Progress13 : std::uint8_t { nothing, finished, data, more_after_data };

struct Side {
  RecordReader records;
  MessageReader messages;
  bool closed = false;           // no longer read: lost, or no TLS
  bool hello_done = false;       // its hello was read, or cannot be
  bool switched = false;         // it sent ChangeCipherSpec
  bool finished = false;         // and an encrypted handshake record after it (TLS <= 1.2)
  std::uint8_t alert_level = 0;  // the first octet of an alert, when its second is due
  bool alert_open = false;
};

}  // namespace

struct Parser::Impl {
  TlsEvidence evidence;
  std::array<Side, 2> sides;
  Progress13 progress13 = Progress13::nothing;
  bool early_data = false;         // offered: type 23 may precede ServerHello
  bool full_handshake = false;     // the server sent what a resumption leaves out
  bool server_unreadable = false;  // its hello came, and its lengths do not add up
  bool fatal_alert = false;
  bool undecidable = false;  // something the verdict needs is missing
  bool settled = false;
  bool ended = false;

  Side& side(Dir dir) { return sides[evidence::index(dir)]; }

  void feed(Dir dir, Bytes bytes, const FrameRef& at);
  void gap(Dir dir, std::uint64_t length, const FrameRef& at);
  void finish();
  [[nodiscard]] bool decided() const;

 private:
  void on_opened(Dir dir);
  void on_body(Dir dir, Bytes body, const FrameRef& at);
  void on_closed(Dir dir, const FrameRef& at);
  void on_broken(Dir dir);
  void on_lost(Dir dir);
  void on_message(Dir dir, const Message& message, const FrameRef& at);
  void on_client_hello(const ClientHello& hello, const FrameRef& at);
  void on_server_hello(const Message& message, const FrameRef& at);
  void on_certificate(const Message& message, const FrameRef& at);
  void on_alert_octets(Dir dir, Bytes body, const FrameRef& at);
  void on_client_data(std::size_t length);
  void on_change_cipher_spec(Dir dir);

  [[nodiscard]] bool is_13() const { return evidence.server_hello && evidence.version >= kTls13; }
  [[nodiscard]] bool encrypted(Dir dir);
  [[nodiscard]] bool more_to_learn();
  void update(const FrameRef& at);
  void update_stage();
};

// In TLS 1.3 (a HelloRetryRequest is always of it) ChangeCipherSpec means nothing, and what is
// encrypted hides in type 23.
bool Parser::Impl::encrypted(Dir dir) {
  return side(dir).switched && !evidence.hello_retry && !is_13();
}

void Parser::Impl::feed(Dir dir, Bytes bytes, const FrameRef& at) {
  Side& from = side(dir);
  while (!settled && !ended && !from.closed) {
    Bytes body;
    switch (from.records.next(bytes, body)) {
      case RecordReader::Step::more:
        return;
      case RecordReader::Step::opened:
        on_opened(dir);
        break;
      case RecordReader::Step::body:
        on_body(dir, body, at);
        break;
      case RecordReader::Step::closed:
        on_closed(dir, at);
        break;
      case RecordReader::Step::broken:
        on_broken(dir);
        break;
    }
    update(at);
  }
}

void Parser::Impl::gap(Dir dir, std::uint64_t length, const FrameRef& at) {
  Side& from = side(dir);
  if (settled || ended || from.closed || length == 0) return;
  if (from.records.skip(length)) {
    feed(dir, {}, at);  // the gap may have been the rest of the record
  } else {
    on_lost(dir);
    update(at);
  }
}

void Parser::Impl::finish() {
  ended = true;
  settled = settled || undecidable || evidence.server_not_tls;
}

void Parser::Impl::on_opened(Dir dir) {
  const Record& record = side(dir).records.record();
  if (record.type == RecordType::ssl2_client_hello && dir == Dir::server) {
    evidence.server_not_tls = true;  // a client's message is no answer
    side(dir).closed = true;
  }
  if (record.type == RecordType::application_data && dir == Dir::client &&
      progress13 == Progress13::data) {
    progress13 = Progress13::more_after_data;
  }
}

void Parser::Impl::on_body(Dir dir, Bytes body, const FrameRef& at) {
  Side& from = side(dir);
  const RecordType type = from.records.record().type;
  if (type == RecordType::alert && !encrypted(dir)) on_alert_octets(dir, body, at);
  if (type != RecordType::handshake || encrypted(dir)) return;
  // Of the client only its first hello counts: what follows is a second one or its certificate.
  while (!body.empty() && !(dir == Dir::client && from.hello_done)) {
    const std::optional<Message> message = from.messages.next(body);
    if (!message) return;
    on_message(dir, *message, at);
  }
}

void Parser::Impl::on_closed(Dir dir, const FrameRef& at) {
  Side& from = side(dir);
  const Record& record = from.records.record();
  switch (record.type) {
    case RecordType::ssl2_client_hello:
      evidence.client_hello = from.hello_done = true;
      evidence.client_version = record.version;
      evidence.client_hello_at = at;
      break;
    case RecordType::change_cipher_spec:
      on_change_cipher_spec(dir);
      break;
    case RecordType::handshake:
      if (encrypted(dir) && record.length > 0) from.finished = true;
      break;
    case RecordType::application_data:
      if (dir == Dir::client) on_client_data(record.length);
      break;
    case RecordType::alert:
      break;
  }
}

void Parser::Impl::on_change_cipher_spec(Dir dir) {
  side(dir).switched = true;
  if (server_unreadable) undecidable = true;  // they understood each other, we did not
  if (dir == Dir::server && evidence.server_hello && !is_13() && !full_handshake) {
    evidence.resumed = true;  // RFC 5246 section 7.3 figure 2, RFC 5077 section 3.1
  }
}

// A client that offers no early data sends type 23 only once it has read ServerHello, even when the
// capture holds that later. Early data proves nothing.
void Parser::Impl::on_client_data(std::size_t length) {
  if (server_unreadable) undecidable = true;
  if (early_data && !evidence.server_hello) return;
  if (progress13 == Progress13::nothing && length >= kFinished13Octets) {
    progress13 = Progress13::finished;
  } else if (progress13 == Progress13::finished && length >= kData13Octets) {
    progress13 = Progress13::data;
  }
}

void Parser::Impl::on_broken(Dir dir) {
  Side& from = side(dir);
  if (!from.records.at_first()) return on_lost(dir);  // out of step: bytes were lost unseen
  if (dir == Dir::client) {
    evidence.client_not_tls = true;
  } else if (evidence.client_version == kSsl2) {
    return on_lost(dir);  // an answer in SSL 2.0, which is not read
  } else {
    evidence.server_not_tls = true;
  }
  from.closed = true;
}

void Parser::Impl::on_lost(Dir dir) {
  Side& from = side(dir);
  from.closed = true;
  const bool had_its_part = evidence.server_hello && (is_13() ? dir == Dir::server : from.finished);
  if (!had_its_part) undecidable = true;
}

void Parser::Impl::on_message(Dir dir, const Message& message, const FrameRef& at) {
  if (dir == Dir::client) {
    side(dir).hello_done = true;
    if (message.type != MessageType::client_hello || !message.kept) return;
    const std::optional<ClientHello> hello = parse_client_hello(message.body);
    if (hello) on_client_hello(*hello, at);
    return;
  }
  switch (message.type) {
    case MessageType::server_hello:
      on_server_hello(message, at);
      break;
    case MessageType::certificate:
      on_certificate(message, at);
      break;
    case MessageType::server_key_exchange:
    case MessageType::server_hello_done:
      full_handshake = true;
      break;
    default:
      break;
  }
}

void Parser::Impl::on_client_hello(const ClientHello& hello, const FrameRef& at) {
  evidence.client_hello = true;
  evidence.client_hello_at = at;
  evidence.client_random = hello.random;
  evidence.client_version = hello.highest_version();
  evidence.offered_13 = std::ranges::find(hello.versions, kTls13) != hello.versions.end();
  evidence.sni = hello.server_name;
  evidence.client_alpns = hello.alpns;
  evidence.ja3_string = ja3_string(hello);
  evidence.ja3 = ja3_hash(evidence.ja3_string);
  evidence.ja4 = ja4(hello);
  early_data = hello.has_extension(extension::kEarlyData);
}

void Parser::Impl::on_server_hello(const Message& message, const FrameRef& at) {
  if (evidence.server_hello || server_unreadable) return;
  const auto hello = message.kept ? parse_server_hello(message.body) : std::nullopt;
  if (!hello) {
    server_unreadable = side(Dir::server).hello_done = true;
    return;
  }
  if (hello->is_retry_request()) {
    evidence.hello_retry = true;
    return;
  }
  side(Dir::server).hello_done = true;
  evidence.server_hello = true;
  evidence.server_hello_at = at;
  evidence.server_random = hello->random;
  evidence.version = hello->version;
  evidence.cipher = hello->suite;
  evidence.server_alpn = hello->alpn;
  evidence.downgrade_sentinel = hello->has_downgrade_sentinel();
  evidence.ja3s_string = ja3s_string(*hello);
  evidence.ja3s = ja3_hash(evidence.ja3s_string);
  if (is_13()) {
    evidence.resumed = hello->has_extension(extension::kPreSharedKey);
  } else {
    evidence.anonymous = is_anonymous(hello->suite);
  }
}

void Parser::Impl::on_certificate(const Message& message, const FrameRef& at) {
  full_handshake = true;
  if (!evidence.server_hello || is_13() || evidence.certificate_seen || !message.kept) return;
  evidence::DerChain chain = parse_certificates(message.body);
  if (chain.empty()) return;
  evidence.certificate_seen = true;
  evidence.certificate_at = at;
  evidence.chain = std::make_shared<const evidence::DerChain>(std::move(chain));
}

void Parser::Impl::on_alert_octets(Dir dir, Bytes body, const FrameRef& at) {
  Side& from = side(dir);
  for (const std::uint8_t octet : body) {
    if (!std::exchange(from.alert_open, !from.alert_open)) {
      from.alert_level = octet;
      continue;
    }
    if (from.alert_level < 1 || from.alert_level > kFatal) continue;  // no alert at all
    if (evidence.alerts.size() < kAlerts) {
      evidence.alerts.push_back({dir, from.alert_level, octet, at});
    }
    // RFC 8446 section 6: under TLS 1.3 the level means nothing.
    const bool fatal =
        from.alert_level == kFatal || (is_13() && octet != kCloseNotify && octet != kUserCanceled);
    if (!fatal) continue;
    fatal_alert = true;
    return;
  }
}

bool Parser::Impl::decided() const {
  return evidence.completed || fatal_alert || evidence.client_not_tls;
}

// A hello or a certificate that still comes in clear is worth having, whatever the verdict.
bool Parser::Impl::more_to_learn() {
  const Side& client = side(Dir::client);
  const Side& server = side(Dir::server);
  const bool server_told_all =
      server.hello_done && (is_13() || server_unreadable || full_handshake || server.switched);
  return (!client.closed && !client.hello_done) || (!server.closed && !server_told_all);
}

void Parser::Impl::update(const FrameRef& at) {
  const bool both_finished = side(Dir::client).finished && side(Dir::server).finished;
  if (evidence.server_hello && !evidence.completed &&
      (is_13() ? progress13 == Progress13::more_after_data : both_finished)) {
    evidence.completed = true;
    evidence.completed_at = at;
  }
  update_stage();
  settled = decided() || ((undecidable || evidence.server_not_tls) && !more_to_learn());
  if (settled) {
    for (Side& one : sides) one.messages.release();
  }
}

void Parser::Impl::update_stage() {
  using evidence::FailStage;
  const bool any_finished = is_13() ? progress13 != Progress13::nothing
                                    : side(Dir::client).finished || side(Dir::server).finished;
  if (evidence.server_hello) {
    evidence.fail_stage = any_finished ? FailStage::finished : FailStage::server_hello;
  } else if (evidence.client_hello) {
    evidence.fail_stage = FailStage::client_hello;
  }
}

Parser::Parser() : impl_(std::make_unique<Impl>()) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

void Parser::feed(Dir dir, Bytes bytes, const FrameRef& at) {
  impl_->feed(dir, bytes, at);
}
void Parser::gap(Dir dir, std::uint64_t length, const FrameRef& at) {
  impl_->gap(dir, length, at);
}
void Parser::finish(const FrameRef&) {
  impl_->finish();
}

const TlsEvidence& Parser::evidence() const {
  return impl_->evidence;
}
bool Parser::hello_seen() const {
  return impl_->evidence.client_hello || impl_->evidence.server_hello;
}
bool Parser::settled() const {
  return impl_->settled;
}
bool Parser::lost() const {
  return impl_->undecidable && !impl_->decided();
}

}  // namespace mxw::tls
