// One SMTP connection's clear dialogue (RFC 5321, pipelining RFC 2920, BDAT RFC 3030, STARTTLS RFC
// 3207, AUTH RFC 4954), read passively from both directions in causal order.
//
// Push parser: feed() and gap() per direction; any split of the octets gives the same events.
// Bodies and AUTH lines are skipped to their end and never leave the parser. Loss is a state: after
// a gap (or when the start was not seen) a direction is `lost` and is found again only by a known
// verb that a fitting reply answers; a line of a body is never taken for a command. Bounded by
// limits::kSmtp*. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "core/base/bytes.hpp"
#include "core/evidence/frame.hpp"
#include "sensor/smtp/body.hpp"
#include "sensor/smtp/line_buffer.hpp"
#include "sensor/smtp/reply.hpp"
#include "sensor/smtp/verb.hpp"

namespace mxw::smtp {

using evidence::Dir;
using evidence::FrameRef;

// A command line as it is reported; text and argument are borrowed for the call.
struct CommandEvent {
  Verb verb = Verb::unknown;
  std::string_view argument;
  std::string_view text;  // the whole line; empty for auth_line and end_of_data
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  FrameRef at;
};

// What a reply answers, kept while it is waited for.
struct Pending {
  Verb verb = Verb::unknown;
  std::string argument;     // of EHLO, HELO and LHLO only, bounded
  std::uint32_t tag = 0;    // what on_command returned
  bool masked8 = false;     // an unknown command of 8 masked characters
  bool last_chunk = false;  // BDAT ... LAST
  FrameRef at;
};

// What a body holds besides its end (SMTP smuggling). Frames are those of the octets named.
struct BodyFacts {
  bool bare_lf_dot = false, verb_after_it = false;
  std::uint64_t dot_offset = 0, verb_offset = 0;  // behind the dot line and the verb
  FrameRef dot_at, verb_at;
};

class Events {
 public:
  virtual ~Events() = default;
  // Returns a tag that comes back with the reply (an index of the observer's choice).
  virtual std::uint32_t on_command(const CommandEvent& command) = 0;
  // `to.verb == unknown` with an empty tag for a reply that answers nothing we saw (`unsolicited`).
  virtual void on_reply(const Pending& to, const Reply& reply, bool unsolicited) = 0;
  // Octets behind STARTTLS's 220: `tls` says whether they can be TLS. Called for both directions.
  virtual void on_after_220(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) = 0;
  // Clear octets behind the STARTTLS line that came before its 220.
  virtual void on_early_client_bytes(Bytes bytes, std::uint64_t offset, const FrameRef& at) = 0;
  virtual void on_body_facts(const BodyFacts& facts) = 0;
};

class Parser {
 public:
  // `midstream`: the start of the connection was not seen; both directions begin lost.
  Parser(Events& events, bool midstream);

  void feed(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at);
  void gap(Dir dir, std::uint64_t length);
  // The other direction is not in the capture: replies are not waited for.
  void set_one_sided(bool one_sided) { one_sided_ = one_sided; }
  // After a 220 to STARTTLS the clear dialogue simply went on: octets are lines again.
  void resume_clear();
  // A reply nobody saw the command of was a 220 to STARTTLS: octets are not ours any more.
  void enter_opaque();

  [[nodiscard]] bool after_220() const { return client_ == Client::opaque; }
  [[nodiscard]] bool lost() const { return client_ == Client::lost || server_lost_; }

 private:
  enum class Client : std::uint8_t {
    command,   // lines are commands
    body,      // after DATA
    chunk,     // after BDAT: a counted run of octets
    secret,    // the next line belongs to AUTH
    starttls,  // STARTTLS sent, its reply not seen yet: octets wait
    data,      // DATA sent, likewise
    opaque,    // 220 was seen: octets are not ours
    lost,
  };

  void feed_client(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  void feed_server(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  std::size_t client_step(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  std::size_t line_step(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  std::size_t body_step(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  void note_body_facts(const FrameRef& at);
  std::size_t wait_step(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  void on_client_line(const Line& line);
  void on_lost_line(const Line& line);
  void report(const Line& line, const Command& command);
  void report_secret(const Line& line);
  void enter_after(const Command& command);
  void lose_client();
  void push_pending(Pending pending);
  void on_reply(const Reply& reply);
  void unanswered_data(const Reply& reply);
  bool resynchronise(const Reply& reply);
  void answered(const Pending& to, const Reply& reply);
  void release_waiting(Client next);

  Events& events_;
  Client client_ = Client::command;
  bool server_lost_ = false;
  bool one_sided_ = false;
  LineBuffer client_line_, server_line_;
  ReplyBuilder reply_;
  BodyScanner body_;
  BodyFacts body_facts_;
  std::uint64_t body_offset_ = 0;  // of its first octet
  bool body_begun_ = false;
  std::uint64_t chunk_left_ = 0;
  // AUTH was sent and no reply but 334 came: a line that is no command may be a secret, whether its
  // sender waited for the challenge or not.
  bool auth_open_ = false;
  bool body_gap_ = false;  // octets of the body are missing: its end may be among them
  std::deque<Pending> pending_;
  // Client octets behind STARTTLS or DATA, until the reply tells what they are.
  std::string early_;
  std::uint64_t early_offset_ = 0;
  FrameRef early_at_;
  // The last whole line of a lost client, kept until the next reply.
  std::string candidate_text_;
  Line candidate_;
  bool candidate_set_ = false;
};

}  // namespace mxw::smtp
