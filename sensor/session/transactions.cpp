// Mail transactions: MAIL, its recipients, its end (RFC 5321 section 3.3).
#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"
#include "sensor/session/session.hpp"

namespace mxw::session {
namespace {

// Adds what is not there yet; what finds no room is counted.
void add_unique(std::vector<std::string>& list, const std::string& text, std::uint32_t& dropped) {
  if (text.empty() || std::find(list.begin(), list.end(), text) != list.end()) return;
  if (list.size() < limits::kSmtpDomains)
    list.push_back(text);
  else
    ++dropped;
}

// The domain of a path as evidence: what cannot stand in one may be a comment with a name in it.
std::string domain_of(const mail::Path& path) {
  const std::string& d = path.domain;
  std::size_t end = 0;
  if (!d.empty() && d.front() == '[') {
    end = d.find(']');
    end = end == std::string::npos ? d.size() : end + 1;
  } else {
    const auto belongs = [](char c) {
      return ascii::is_alnum(c) || c == '-' || c == '.' || c == '_' ||
             static_cast<unsigned char>(c) >= 0x80;
    };
    while (end < d.size() && belongs(d[end])) ++end;
  }
  return d.substr(0, end);
}

}  // namespace

std::string Session::shown_path(std::string_view argument) const {
  const auto path = mail::parse_path(argument);
  return path ? redactor_.address(path->local, path->null_sender ? "" : domain_of(*path)) : "<?>";
}

// Returns the tag of the MAIL command: index + 1, 0 when there is no room for one more.
std::uint32_t Session::begin_transaction(const smtp::CommandEvent& c) {
  const auto path = mail::parse_path(c.argument);
  ++ev_.transaction_count;
  const std::string shown =
      path ? redactor_.address(path->local, path->null_sender ? "" : domain_of(*path)) : "<?>";
  if (ev_.transactions.empty())
    note_line(Dir::client, c.at, c.offset, c.length, "MAIL FROM:" + shown);
  if (ev_.transactions.size() >= limits::kSmtpTransactions) {
    current_.reset();
    return 0;
  }
  evidence::Transaction t;
  t.at = c.at;
  t.mail_from = shown;
  if (path) t.mail_from_domain = domain_of(*path);
  ev_.transactions.push_back(std::move(t));
  current_ = transactions_begun() - 1;
  return transactions_begun();
}

// Returns the tag of its transaction.
std::uint32_t Session::add_recipient(const smtp::CommandEvent& c) {
  const auto path = mail::parse_path(c.argument);
  const std::string shown = path ? redactor_.address(path->local, domain_of(*path)) : "<?>";
  if (path) add_unique(ev_.rcpt_domains, domain_of(*path), ev_.rcpt_domains_dropped);
  if (!current_) return 0;
  evidence::Transaction& t = ev_.transactions[*current_];
  if (*current_ == 0 && t.recipients.empty())
    note_line(Dir::client, c.at, c.offset, c.length, "RCPT TO:" + shown);
  if (t.recipients.size() >= limits::kSmtpRecipients) return 0;
  t.recipients.push_back({path ? domain_of(*path) : std::string(), 0, c.at});
  t.rcpt_to.push_back(shown);
  return *current_ + 1;
}

// A MAIL that was refused began nothing (RFC 5321 section 4.1.4): one that was open before goes on.
void Session::refuse_transaction(std::uint32_t index) {
  --ev_.transaction_count;
  if (current_ != index) return;
  current_.reset();
  for (std::uint32_t i = index; i > ended_transactions_ && !current_; --i)
    if (ev_.transactions[i - 1].mail_code < 300) current_ = i - 1;
}

// Replies come in the order of their commands, so transactions end in the order they began, even
// when the next MAIL is pipelined behind the end of this mail. `count`: how many are over.
void Session::end_transactions(std::uint32_t count) {
  for (; ended_transactions_ < count; ++ended_transactions_) {
    if (current_ == ended_transactions_) current_.reset();
    if (ev_.transactions[ended_transactions_].mail_code < 300)
      emit(Change::transaction, ended_transactions_);
  }
}

}  // namespace mxw::session
