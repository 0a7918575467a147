#include "reportd/lmtp_dialogue.hpp"

#include <algorithm>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"

namespace mxw::reportd {
namespace {

constexpr std::string_view kEnd = "\r\n.\r\n";

// Section 4.5.2 of RFC 5321, backwards.
std::string without_dots(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  while (!data.empty()) {
    const std::size_t end = data.find("\r\n");
    const std::size_t size = end == std::string_view::npos ? data.size() : end + 2;
    std::string_view line = data.substr(0, size);
    data.remove_prefix(size);
    if (line.starts_with('.')) line.remove_prefix(1);
    out += line;
  }
  return out;
}

std::string mailbox(const mail::Path& path) {
  return path.domain.empty() ? path.local : path.local + '@' + path.domain;
}

// `FROM:` or `TO:`, whatever the case; what follows it.
std::optional<std::string_view> behind(std::string_view argument, std::string_view word) {
  if (!ascii::istarts_with(argument, word)) return std::nullopt;
  return argument.substr(word.size());
}

std::string_view answer_of(LmtpVerdict verdict) {
  switch (verdict) {
    case LmtpVerdict::taken:
      return "250 2.0.0 taken";
    case LmtpVerdict::try_again:
      return "451 4.3.0 try again later";
    case LmtpVerdict::refused:
      break;
  }
  return "550 5.7.1 refused";
}

}  // namespace

LmtpDialogue::LmtpDialogue(LmtpShared& shared) : shared_(shared) {
  answer("220 " + shared_.hello + " LMTP");
}

void LmtpDialogue::work() {
  while (!ending_ && out_.size() < kUnsentBytes && (in_data_ ? take_data() : take_line())) {
  }
}

void LmtpDialogue::time_out() {
  ++shared_.counters.timeouts;
  answer("421 4.4.2 " + shared_.hello + " timeout");
  ending_ = true;
}

void LmtpDialogue::answer(std::string_view text) {
  out_ += text;
  out_ += "\r\n";
}

// Commands. True: there may be more to do.

bool LmtpDialogue::take_line() {
  const std::size_t end = in_.find('\n');
  if (end == std::string::npos) {
    if (in_.size() <= limits::kSmtpLineBytes + 1) return false;  // its CR is none of it
    passing_over_ = true;
    in_.clear();
    return false;
  }
  std::string line = in_.substr(0, end);
  in_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  if (std::exchange(passing_over_, false) || line.size() > limits::kSmtpLineBytes) {
    bad("500 5.5.2 line too long");
  } else {
    command(line);
  }
  return true;
}

void LmtpDialogue::command(const std::string& line) {
  const auto [verb, argument] = ascii::split_word(line);
  if (ascii::iequals(verb, "LHLO")) return hello(argument);
  if (ascii::iequals(verb, "MAIL")) return mail_from(argument);
  if (ascii::iequals(verb, "RCPT")) return rcpt_to(argument);
  if (ascii::iequals(verb, "DATA")) return data();
  if (ascii::iequals(verb, "RSET")) {
    reset();
    return answer("250 2.0.0 reset");
  }
  if (ascii::iequals(verb, "NOOP")) return answer("250 2.0.0 still here");
  if (ascii::iequals(verb, "VRFY")) return answer("252 2.0.0 not told");
  if (ascii::iequals(verb, "QUIT")) {
    ending_ = true;
    return answer("221 2.0.0 bye");
  }
  bad("500 5.5.1 no such command");
}

void LmtpDialogue::hello(std::string_view argument) {
  if (argument.empty()) return bad("501 5.5.4 LHLO needs a name");
  greeted_ = true;
  reset();
  answer("250-" + shared_.hello);
  answer("250-PIPELINING");
  answer("250-8BITMIME");
  answer("250-ENHANCEDSTATUSCODES");
  answer("250 SIZE " + std::to_string(shared_.limits.message_bytes));
}

void LmtpDialogue::mail_from(std::string_view argument) {
  if (!greeted_ || mail_) return bad("503 5.5.1 not now");
  const auto from = behind(argument, "FROM:");
  const auto path = from ? mail::parse_path(*from) : std::nullopt;
  if (!path) return bad("501 5.5.4 no sender");
  mail_.emplace();
  if (!path->null_sender) mail_->sender = mailbox(*path);
  answer("250 2.1.0 sender ok");
}

void LmtpDialogue::rcpt_to(std::string_view argument) {
  if (!mail_) return bad("503 5.5.1 not now");
  if (mail_->recipients.size() == shared_.limits.recipients)
    return answer("452 4.5.3 too many recipients");
  const auto to = behind(argument, "TO:");
  const auto path = to ? mail::parse_path(*to) : std::nullopt;
  if (!path || path->null_sender) return bad("501 5.5.4 no recipient");
  std::string name = mailbox(*path);
  if (!shared_.handler.known(name)) {
    ++shared_.counters.unknown;
    return answer("550 5.1.1 no such mailbox");
  }
  mail_->recipients.push_back(std::move(name));
  answer("250 2.1.5 recipient ok");
}

void LmtpDialogue::data() {
  // RFC 2033 section 4.2: without a recipient there is nobody to answer for.
  if (!mail_ || mail_->recipients.empty()) return bad("503 5.5.1 no recipients");
  in_data_ = true;
  tail_ = "\r\n";
  answer("354 go on");
}

void LmtpDialogue::bad(std::string_view text) {
  ++shared_.counters.bad_commands;
  if (++errors_ < shared_.limits.errors) return answer(text);
  answer("421 4.7.0 too many bad commands");
  ending_ = true;
}

void LmtpDialogue::reset() {
  mail_.reset();
  drop_data();
}

// The message.

void LmtpDialogue::drop_data() {
  shared_.held_bytes -= data_.size();
  data_ = {};
  received_ = 0;
  too_large_ = too_busy_ = false;
}

// Only CRLF, a dot and CRLF end a message: nothing else is taken for a line end.
bool LmtpDialogue::take_data() {
  if (in_.empty()) return false;
  const std::string seen = tail_ + in_;
  const std::size_t end = seen.find(kEnd);
  if (end == std::string::npos) {
    keep(in_);
    tail_ = seen.substr(seen.size() - std::min(seen.size(), kEnd.size() - 1));
    in_.clear();
    return false;
  }
  // What is kept begins behind the first tail and ends with the CRLF before the dot.
  const std::size_t used = end + kEnd.size() - tail_.size();
  keep(std::string_view(in_).substr(0, used));
  in_.erase(0, used);
  in_data_ = false;
  finish();
  return true;
}

void LmtpDialogue::keep(std::string_view octets) {
  received_ += octets.size();
  too_large_ = received_ > shared_.limits.message_bytes;
  too_busy_ = too_busy_ || octets.size() > shared_.limits.all_bytes - shared_.held_bytes;
  if (too_large_ || too_busy_) {
    shared_.held_bytes -= data_.size();
    data_ = {};
    return;
  }
  data_ += octets;
  shared_.held_bytes += octets.size();
}

void LmtpDialogue::finish() {
  const std::size_t count = mail_->recipients.size();
  if (too_large_ || too_busy_) {
    ++(too_large_ ? shared_.counters.too_large : shared_.counters.too_busy);
    for (std::size_t i = 0; i < count; ++i)
      answer(too_large_ ? "552 5.3.4 too large" : "452 4.3.1 too busy");
    return reset();
  }
  ++shared_.counters.messages;
  mail_->message = without_dots(std::string_view(data_).substr(0, data_.size() - 3));
  const std::vector<LmtpVerdict> verdicts = shared_.handler.take(*mail_);
  MXW_CHECK(verdicts.size() == count);
  for (const LmtpVerdict verdict : verdicts) answer(answer_of(verdict));
  reset();
}

}  // namespace mxw::reportd
