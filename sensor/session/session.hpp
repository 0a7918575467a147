// Session: one TCP connection that may carry SMTP. Joins the SMTP dialogue and the TLS handshake to
// SessionEvidence, redacts while doing so, and tells the observer when a decision point is reached.
//
// Recognition: the ports 25, 465, 587 and 2525, and on any other port what begins as SMTP does (a
// 220 of the server and EHLO or HELO of the client). What turns out to be something else is let go.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "core/base/redact.hpp"
#include "core/evidence/update.hpp"
#include "sensor/flow/connection.hpp"
#include "sensor/smtp/parser.hpp"
#include "sensor/tls/parser.hpp"

namespace mxw::session {

using evidence::Change;
using evidence::Dir;
using evidence::FrameRef;

[[nodiscard]] bool is_mail_port(std::uint16_t port);

class Session final : public flow::StreamHandler, private smtp::Events {
 public:
  // `connection`, `observer` and `redactor` outlive the session.
  Session(const flow::Connection& connection, evidence::SessionObserver& observer,
          const Redactor& redactor);

  void on_data(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) override;
  void on_gap(Dir dir, std::uint64_t offset, std::uint64_t length, bool cut,
              const FrameRef& at) override;
  void on_conflict(Dir dir, std::uint64_t offset, Bytes kept, Bytes other,
                   const FrameRef& at) override;
  void on_reset(Dir from, const FrameRef& at) override;
  void on_data_after_reset(Dir from, const FrameRef& at) override;
  void on_end(evidence::Ended how, const FrameRef& at) override;
  void on_removed(const FrameRef& at) override;
  [[nodiscard]] bool wants_data() const override;
  [[nodiscard]] bool wants_connection() const override { return !foreign_; }
  [[nodiscard]] bool wants_conflicts() const override;

 private:
  std::uint32_t on_command(const smtp::CommandEvent& command) override;
  void on_reply(const smtp::Pending& to, const smtp::Reply& reply, bool unsolicited) override;
  void on_after_220(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at) override;
  void on_early_client_bytes(Bytes bytes, std::uint64_t offset, const FrameRef& at) override;
  void on_body_facts(const smtp::BodyFacts& facts) override;

  // Recognition (recognise.cpp).
  enum class Kind : std::uint8_t { wait, smtp, implicit_tls, opaque, foreign };
  [[nodiscard]] Kind classify(Dir dir, std::string_view head) const;
  bool recognise(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at);
  void route(Dir dir, Bytes bytes, std::uint64_t offset, const FrameRef& at);

  // Replies (replies.cpp).
  void on_banner(const smtp::Reply& reply);
  void on_greeting_reply(const smtp::Pending& to, const smtp::Reply& reply);
  void on_starttls_reply(const smtp::Reply& reply);
  void on_mail_reply(const smtp::Pending& to, const smtp::Reply& reply);
  void on_rcpt_reply(const smtp::Pending& to, const smtp::Reply& reply);
  void on_data_reply(const smtp::Pending& to, const smtp::Reply& reply);
  void on_unsolicited(const smtp::Reply& reply);

  // Transactions (transactions.cpp).
  std::uint32_t begin_transaction(const smtp::CommandEvent& command);
  std::uint32_t add_recipient(const smtp::CommandEvent& command);
  void refuse_transaction(std::uint32_t index);
  void end_transactions(std::uint32_t count);
  [[nodiscard]] std::uint32_t transactions_begun() const {
    return static_cast<std::uint32_t>(ev_.transactions.size());
  }
  [[nodiscard]] std::string shown_path(std::string_view argument) const;

  // Around the 220 to STARTTLS (after_220.cpp). What a direction says behind it is not known before
  // its first octets, or its first line, are there: they wait in `head`.
  enum class Speech : std::uint8_t { undecided, tls, clear, injected };
  struct After220 {
    Speech speech = Speech::undecided;
    std::string head;
    std::uint64_t offset = 0;
    FrameRef at;
  };
  void stop_waiting_for_client();
  void gap_after_220(Dir dir);
  void end_after_220();
  void on_injected(Bytes bytes, std::uint64_t offset, const FrameRef& at);
  bool goes_on_in_clear(After220& after, std::size_t before);
  void take_tls_evidence();
  void tls_feed(Dir dir, Bytes bytes, const FrameRef& at);
  void tls_moved();
  void settle();
  void note_line(Dir from, const FrameRef& at, std::uint64_t offset, std::uint32_t length,
                 std::string text);
  void note_reply(const smtp::Reply& reply, bool code_only);
  void reach(evidence::Point point);
  void sync();
  void emit(Change change, std::uint32_t index = 0);

  const flow::Connection& conn_;
  evidence::SessionObserver& observer_;
  const Redactor& redactor_;
  evidence::SessionEvidence ev_;
  smtp::Parser smtp_;
  std::unique_ptr<tls::Parser> tls_;
  FrameRef now_;

  // First octets of a direction until they tell what it is.
  struct Head {
    bool known = false;
    std::string text;
    std::uint64_t offset = 0;
    FrameRef at;
  };
  std::array<Head, 2> heads_;

  std::array<After220, 2> after_220_;
  std::string injected_;                      // clear octets of the server, before the client spoke
  std::optional<std::size_t> injected_line_;  // their line of the dialogue

  bool foreign_ = false;     // not SMTP
  bool clear_seen_ = false;  // a direction began with SMTP
  bool recognised_ = false;  // updates may be emitted
  bool opaque_ = false;      // TLS that began before the capture
  bool tls_done_ = false;    // the settled handshake was told
  bool settled_told_ = false, hello_told_ = false, ended_ = false;
  bool client_after_220_ = false;         // the client spoke after the 220
  std::optional<std::uint32_t> current_;  // the transaction that RCPT, DATA and BDAT belong to
  std::uint32_t ended_transactions_ = 0;  // the first so many are over and told
};

// Makes sessions for what may be SMTP.
class SessionFactory {
 public:
  SessionFactory(evidence::SessionObserver& observer, const Redactor& redactor)
      : observer_(observer), redactor_(redactor) {}
  std::unique_ptr<flow::StreamHandler> make(const flow::Connection& connection, Bytes first);

 private:
  evidence::SessionObserver& observer_;
  const Redactor& redactor_;
};

}  // namespace mxw::session
