// Commands and replies of the clear dialogue, turned into evidence.
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "sensor/session/greeting.hpp"
#include "sensor/session/session.hpp"
#include "sensor/session/text.hpp"

namespace mxw::session {
namespace {

using evidence::Offered;
using evidence::Point;
using smtp::Verb;

// `250 2.1.0`: the code and, where there is one, the enhanced code (RFC 3463); the rest may name
// people.
std::string code_text(const smtp::Reply& reply) {
  std::string out = std::to_string(reply.code);
  const std::string_view word =
      reply.lines.empty() ? std::string_view{} : ascii::split_word(reply.lines.front().text).head;
  const bool enhanced =
      word.size() >= 5 && word[1] == '.' && ascii::is_digit(word[0]) &&
      std::all_of(word.begin(), word.end(), [](char c) { return ascii::is_digit(c) || c == '.'; });
  if (enhanced) (out += ' ').append(word);
  return out;
}

// Mechanisms of RFC 4422's registry that mail servers offer. Anything else is not named: a client
// that sends its secret in the mechanism's place must not have it quoted.
constexpr std::string_view kMechanisms[] = {
    "PLAIN",     "LOGIN",     "CRAM-MD5",    "DIGEST-MD5",       "NTLM",
    "GSSAPI",    "XOAUTH2",   "OAUTHBEARER", "SCRAM-SHA-1",      "SCRAM-SHA-256",
    "EXTERNAL",  "ANONYMOUS", "GSS-SPNEGO",  "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
    "XYMCOOKIE", "MSN"};

std::string mechanism_name(std::string_view argument) {
  const std::string word = ascii::to_upper(ascii::split_word(argument).head);
  const bool known =
      std::find(std::begin(kMechanisms), std::end(kMechanisms), word) != std::end(kMechanisms);
  return known ? word : "other";
}

// R22's four: the ones that show the secret to whoever reads along.
bool shows_secret(std::string_view mechanism) {
  return mechanism == "PLAIN" || mechanism == "LOGIN" || mechanism == "XOAUTH2" ||
         mechanism == "OAUTHBEARER";
}

}  // namespace

std::uint32_t Session::on_command(const smtp::CommandEvent& c) {
  now_ = c.at;
  std::uint32_t tag = 0;
  switch (c.verb) {
    case Verb::ehlo:
    case Verb::helo:
    case Verb::lhlo:
      tag = transactions_begun();
      note_line(Dir::client, c.at, c.offset, c.length, shown(redactor_, c.text));
      break;
    case Verb::starttls:
      ev_.starttls.sent = true;
      ev_.starttls.at = c.at;
      note_line(Dir::client, c.at, c.offset, c.length, "STARTTLS");
      break;
    case Verb::mail:
      tag = begin_transaction(c);
      break;
    case Verb::rcpt:
      tag = add_recipient(c);
      break;
    case Verb::data:
      tag = current_ ? *current_ + 1 : 0;
      break;
    case Verb::bdat:
      tag = current_ ? *current_ + 1 : 0;
      if (smtp::is_last_chunk(c.argument)) current_.reset();
      break;
    case Verb::end_of_data:
      tag = current_ ? *current_ + 1 : 0;
      current_.reset();
      break;
    case Verb::rset:
    case Verb::quit:
      tag = transactions_begun();
      current_.reset();
      break;
    case Verb::auth: {
      const std::string mechanism = mechanism_name(c.argument);
      ev_.auth_in_clear = true;
      // The newest counts, since a refused one is followed by another; but one that shows the
      // secret stays.
      if (!shows_secret(ev_.auth_mechanism)) {
        ev_.auth_mechanism = mechanism;
        ev_.auth_at = c.at;
      }
      note_line(Dir::client, c.at, c.offset, c.length, "AUTH " + mechanism + " (withheld)");
      break;
    }
    case Verb::http:
      ev_.http_on_mail_port = true;
      note_line(Dir::client, c.at, c.offset, c.length,
                std::string(ascii::split_word(c.text).head) + " (web protocol)");
      break;
    case Verb::unknown: {
      const evidence::Greeting* const g = ev_.greeting();
      if (is_overwritten_starttls(c.text) && g != nullptr && g->starttls == Offered::yes &&
          !ev_.starttls.sent && !ev_.mail_accepted_in_clear) {
        ev_.starttls.overwritten = true;
        ev_.starttls.overwritten_at = c.at;
        note_line(Dir::client, c.at, c.offset, c.length, std::string(c.text));
      }
      break;
    }
    default:
      break;
  }
  if (c.verb == Verb::auth || c.verb == Verb::starttls || c.verb == Verb::unknown) {
    reach(Point::command);
    emit(Change::command);
  }
  return tag;
}

void Session::note_reply(const smtp::Reply& reply, bool code_only) {
  if (code_only && redactor_.mode() != Privacy::full) {
    if (reply.lines.empty()) return;
    note_line(Dir::server, reply.last, reply.lines.front().offset, reply.lines.front().length,
              code_text(reply));
    return;
  }
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    const smtp::ReplyLine& line = reply.lines[i];
    const char separator = i + 1 < reply.lines.size() ? '-' : ' ';
    note_line(Dir::server, line.at, line.offset, line.length,
              std::to_string(reply.code) + separator + shown(redactor_, line.text));
  }
}

void Session::on_reply(const smtp::Pending& to, const smtp::Reply& reply, bool unsolicited) {
  now_ = reply.last;
  if (unsolicited) {
    on_unsolicited(reply);
    return;
  }
  switch (to.verb) {
    case Verb::connect:
      on_banner(reply);
      break;
    case Verb::ehlo:
    case Verb::helo:
    case Verb::lhlo:
      on_greeting_reply(to, reply);
      break;
    case Verb::rset:
    case Verb::quit:
      end_transactions(to.tag);
      break;
    case Verb::starttls:
      on_starttls_reply(reply);
      break;
    case Verb::mail:
      on_mail_reply(to, reply);
      break;
    case Verb::rcpt:
      on_rcpt_reply(to, reply);
      break;
    case Verb::data:
    case Verb::bdat:
    case Verb::end_of_data:
      on_data_reply(to, reply);
      break;
    default:
      if (to.verb == Verb::unknown && ev_.starttls.overwritten &&
          to.at.frame == ev_.starttls.overwritten_at.frame)
        note_reply(reply, false);
      break;
  }
}

void Session::on_banner(const smtp::Reply& reply) {
  std::string text;
  for (const smtp::ReplyLine& line : reply.lines) {
    if (!text.empty()) text += " / ";
    text += line.text;
  }
  ev_.banner_code = reply.code;
  ev_.banner_masked = is_masked_banner(text);
  ev_.banner = shown(redactor_, text);
  ev_.banner_host = ascii::split_word(ev_.banner).head;
  note_reply(reply, false);
}

void Session::on_greeting_reply(const smtp::Pending& to, const smtp::Reply& reply) {
  const bool esmtp = to.verb != Verb::helo;
  const auto first_line = static_cast<std::uint32_t>(ev_.dialogue.size());
  note_reply(reply, false);
  if (esmtp) ev_.ehlo_code = reply.code;
  if (!reply.positive()) {
    if (esmtp && reply.code != 421) ev_.ehlo_refused = true;
    reach(Point::command);
    emit(Change::command);
    return;
  }
  end_transactions(to.tag);
  if (!esmtp && ev_.ehlo_refused) ev_.helo_after_refusal = true;
  evidence::Greeting greeting = read_greeting(esmtp, to.argument, reply, redactor_);
  greeting.at = to.at;
  greeting.first_line = first_line > 0 ? first_line - 1 : 0;
  greeting.last_line = static_cast<std::uint32_t>(ev_.dialogue.size());
  constexpr std::size_t kGreetings = 8;  // more are replaced: only the last one counts
  if (ev_.greetings.size() >= kGreetings) ev_.greetings.pop_back();
  ev_.greetings.push_back(std::move(greeting));
  if (ev_.starttls.sent || ev_.mail_accepted_in_clear) return;
  ev_.counting = static_cast<std::uint32_t>(ev_.greetings.size() - 1);
  reach(Point::greeting);
  emit(Change::greeting);
}

void Session::on_starttls_reply(const smtp::Reply& reply) {
  evidence::StarttlsEvidence& s = ev_.starttls;
  s.reply_code = reply.code;
  s.reply_at = reply.last;
  s.reply_text = reply.lines.empty() ? "" : shown(redactor_, reply.lines.front().text);
  note_reply(reply, false);
  reach(Point::command);
  emit(Change::command);
}

void Session::on_mail_reply(const smtp::Pending& to, const smtp::Reply& reply) {
  const bool first = reply.positive() && !ev_.mail_accepted_in_clear;
  if (first) {
    ev_.mail_accepted_in_clear = true;
    ev_.mail_accepted_at = reply.last;
  }
  if (to.tag == 0 || to.tag > ev_.transactions.size()) {
    if (!reply.positive()) --ev_.transaction_count;
    return;
  }
  ev_.transactions[to.tag - 1].mail_code = reply.code;
  if (to.tag == 1) note_reply(reply, true);
  if (!reply.positive()) {
    refuse_transaction(to.tag - 1);
    return;
  }
  end_transactions(to.tag - 1);
  reach(Point::mail);
  emit(Change::mail, to.tag - 1);
}

void Session::on_rcpt_reply(const smtp::Pending& to, const smtp::Reply& reply) {
  if (to.tag == 0 || to.tag > ev_.transactions.size()) return;
  evidence::Transaction& t = ev_.transactions[to.tag - 1];
  const auto waiting = std::find_if(t.recipients.begin(), t.recipients.end(),
                                    [](const evidence::Recipient& r) { return r.code == 0; });
  if (waiting == t.recipients.end()) return;
  waiting->code = reply.code;
  if (to.tag == 1 && waiting == t.recipients.begin()) note_reply(reply, true);
  if (reply.positive()) emit(Change::recipient, to.tag - 1);
}

void Session::on_data_reply(const smtp::Pending& to, const smtp::Reply& reply) {
  if (to.tag == 0 || to.tag > ev_.transactions.size()) return;
  evidence::Transaction& t = ev_.transactions[to.tag - 1];
  if (to.verb == Verb::bdat || (to.verb == Verb::data && reply.code == 354)) t.data = true;
  const bool last = to.verb == Verb::end_of_data || (to.verb == Verb::bdat && to.last_chunk);
  if (!last) return;
  t.delivered = reply.positive();
  end_transactions(to.tag);
}

// A reply that answers nothing we saw. With only the server's side in the capture its form must do.
void Session::on_unsolicited(const smtp::Reply& reply) {
  evidence::StarttlsEvidence& t = ev_.starttls;
  const bool second = t.reply_code != 0 && !ev_.tls.client_hello && reply.code != t.reply_code;
  if (second && reply.code == 220) {
    t.duplicate_reply = true;
    note_reply(reply, false);
    reach(Point::command);
    emit(Change::command);
  }
  if (!conn_.one_sided()) return;
  if (ev_.banner.empty() && ev_.greetings.empty() && reply.code == 220) {
    on_banner(reply);
  } else if (ev_.greetings.empty() && reply.code == 250 && reply.lines.size() > 1) {
    on_greeting_reply({.verb = Verb::ehlo,
                       .argument = {},
                       .tag = 0,
                       .masked8 = false,
                       .last_chunk = false,
                       .at = {}},
                      reply);
  } else if (!ev_.greetings.empty() && reply.code == 220) {
    on_starttls_reply(reply);
    smtp_.enter_opaque();
  }
}

}  // namespace mxw::session
