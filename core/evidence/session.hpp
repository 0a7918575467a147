// SessionEvidence: all that is known of one TCP connection that carries SMTP, as of now. Built by
// sensor/session, read by the judge and the sinks; a value type, redacted when it is built
// (semantics 4): no local part, unless --privacy full asked for them, and no AUTH byte is in it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ip.hpp"
#include "core/evidence/frame.hpp"
#include "core/evidence/tls.hpp"

namespace mxw::evidence {

// Words of the `starttls` event (semantics 1).
enum class Offered : std::uint8_t { unknown, yes, no, garbled };
enum class Outcome : std::uint8_t { unknown, tls, implicit_tls, plaintext, refused, failed, none };
enum class Ended : std::uint8_t { open, fin, rst, timeout, input_end };

// Decision points of rules (semantics 3), in the order a session reaches them.
enum class Point : std::uint8_t { greeting, command, handshake, mail, end };
inline constexpr std::size_t kPoints = 5;

// A line of the clear dialogue that proves something: redacted text with its place.
struct DialogueLine {
  Dir from = Dir::client;
  FrameRef at;
  std::uint64_t offset = 0;  // octet of this direction's stream, from 0
  std::uint32_t length = 0;  // octets on the wire, line end included
  std::string text;
};

// One accepted or refused EHLO or HELO.
struct Greeting {
  bool esmtp = false;     // EHLO (or LHLO)
  bool complete = false;  // the whole reply was seen
  std::uint16_t code = 0;
  std::string name;                   // the argument, redacted
  std::vector<std::string> keywords;  // reply lines after the first, without code, redacted
  Offered starttls = Offered::unknown;
  std::uint32_t masked = 0;          // tokens of the form ^[X*]{4,}[A-Z]?$
  std::uint32_t masked8 = 0;         // of those, 8 characters long
  bool masked8_unexplained = false;  // semantics 1: not explained by CHUNKING
  bool chunking = false, binarymime = false;
  FrameRef at;                                  // of the command
  FrameRef reply_at;                            // of the reply's last line
  std::uint32_t first_line = 0, last_line = 0;  // indices into dialogue, last exclusive
};

struct Recipient {
  std::string domain;      // lower case A-label where it is one
  std::uint16_t code = 0;  // 0: no reply seen
  FrameRef at;
};

// MAIL to the end of its mail (RFC 5321 section 3.3).
struct Transaction {
  std::string mail_from;         // redacted form, `<*@example.net>` or `<>`
  std::string mail_from_domain;  // empty for the null sender
  std::vector<std::string> rcpt_to;
  std::vector<Recipient> recipients;
  std::uint16_t mail_code = 0;
  bool data = false;       // DATA answered 354, or BDAT seen
  bool delivered = false;  // 2xx after the end of data
  FrameRef at;
};

// TCP as the tap saw it, both directions (index by Dir).
struct TcpEvidence {
  bool syn = false, synack = false, handshake = false;  // handshake: the client's ACK too
  std::array<std::uint64_t, 2> packets{}, bytes{};
  std::array<std::uint8_t, 2> flags{}, ttl{};  // all flags seen; TTL of the first packet
  std::array<std::uint8_t, 2> ttl_values{};    // number of different TTLs, at most 255
  std::array<bool, 2> fin{}, gap{};
  std::uint32_t overlap_conflicts = 0;
  std::uint32_t gaps = 0;
  bool rst = false, rst_then_data = false;
  Dir rst_from = Dir::client;
  std::int32_t rst_ttl_delta = 0;  // TTL of the reset less that of its direction's other packets
  FrameRef rst_at, conflict_at, data_after_rst_at;
  std::optional<std::int64_t> rtt_ns;  // SYN to the client's ACK
};

struct StarttlsEvidence {
  bool sent = false;
  std::uint16_t reply_code = 0;           // 0: no reply seen
  std::string reply_text;                 // first line, redacted
  std::uint32_t bytes_after_command = 0;  // clear bytes behind the STARTTLS line, before the 220
  std::uint32_t bytes_after_220 = 0;  // clear bytes behind the 220 line, before the client spoke
  bool plain_after_220 = false;       // SMTP simply goes on in clear
  bool overwritten = false;  // an unknown X or * command of 8 letters where STARTTLS was due (R08)
  bool duplicate_reply = false;
  FrameRef at, reply_at, injected_at, overwritten_at;
};

struct PointState {
  bool reached = false;
  FrameRef at;
  Quality quality;
};

struct SessionEvidence {
  std::uint64_t id = 0;  // flow_id (semantics 1), below 2^53
  std::uint32_t tenant = 0;
  std::uint16_t vlan = 0;
  Endpoint client, server;
  FrameRef start, last;
  Ended ended = Ended::open;
  bool data_seen = false;  // any payload octet: without one there is no session
  bool implicit_tls = false;

  Quality quality;  // as of now
  std::array<PointState, kPoints> points{};

  // The clear dialogue.
  std::string banner;  // lines joined by " / ", redacted
  std::string banner_host;
  std::uint16_t banner_code = 0;
  bool banner_masked = false;
  std::vector<Greeting> greetings;        // at most 8, the counting one is `greeting`
  std::optional<std::uint32_t> counting;  // index into greetings
  std::uint16_t ehlo_code = 0;            // of the last EHLO answered, refused ones included
  bool ehlo_refused = false, helo_after_refusal = false;
  StarttlsEvidence starttls;
  bool mail_accepted_in_clear = false;
  FrameRef mail_accepted_at;
  bool auth_in_clear = false;
  std::string auth_mechanism;  // upper case
  FrameRef auth_at;
  std::vector<Transaction> transactions;
  std::uint32_t transaction_count = 0;     // those beyond the limit counted too
  std::vector<std::string> rcpt_domains;   // of all transactions, in order of appearance, unique
  std::uint32_t rcpt_domains_dropped = 0;  // RCPTs whose domain found no room
  std::vector<DialogueLine> dialogue;      // bounded by limits::kSmtpDialogueLines
  std::uint32_t dialogue_dropped = 0;
  bool server_spoke = false, client_spoke = false;
  bool smtp_lost = false;  // the dialogue was lost and not found again
  bool http_on_mail_port = false, bare_lf_end_of_data = false, verb_after_end_of_data = false;

  TcpEvidence tcp;
  TlsEvidence tls;

  [[nodiscard]] const Greeting* greeting() const {
    return counting ? &greetings[*counting] : nullptr;
  }
  [[nodiscard]] Offered offered() const;
  [[nodiscard]] Outcome outcome() const;
  [[nodiscard]] std::string mail_from_domain() const;  // of the first accepted MAIL
  [[nodiscard]] PointState& point(Point p) { return points[static_cast<std::size_t>(p)]; }
  [[nodiscard]] const PointState& point(Point p) const {
    return points[static_cast<std::size_t>(p)];
  }
};

[[nodiscard]] std::string_view name(Offered offered);
[[nodiscard]] std::string_view name(Outcome outcome);
[[nodiscard]] std::string_view name(Ended ended);
[[nodiscard]] std::string_view name(Point point);
[[nodiscard]] std::string_view name(FailStage stage);
[[nodiscard]] std::string_view name(CertVisibility visibility);

}  // namespace mxw::evidence
