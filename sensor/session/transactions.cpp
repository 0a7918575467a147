// Mail transactions: MAIL, its recipients, its end (RFC 5321 section 3.3).
#include <algorithm>

#include "core/base/limits.hpp"
#include "core/mail/name.hpp"
#include "sensor/session/session.hpp"

namespace mxw::session {
namespace {

constexpr std::size_t kDomainsOfSession = limits::kSmtpRecipients;

void add_unique(std::vector<std::string>& list, const std::string& text) {
  if (text.empty() || list.size() >= kDomainsOfSession) return;
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

}  // namespace

// Returns the tag of the MAIL command: index + 1, 0 when there is no room for one more.
std::uint32_t Session::begin_transaction(const smtp::CommandEvent& c) {
  end_transaction();
  const auto path = mail::parse_path(c.argument);
  ++ev_.transaction_count;
  const std::string shown =
      path ? redactor_.address(path->local, path->null_sender ? "" : path->domain) : "<?>";
  if (ev_.transactions.empty())
    note_line(Dir::client, c.at, c.offset, c.length, "MAIL FROM:" + shown);
  if (ev_.transactions.size() >= limits::kSmtpTransactions) return 0;
  evidence::Transaction t;
  t.at = c.at;
  t.mail_from = shown;
  if (path) t.mail_from_domain = path->domain;
  ev_.transactions.push_back(std::move(t));
  in_transaction_ = true;
  transaction_ = static_cast<std::uint32_t>(ev_.transactions.size() - 1);
  return transaction_ + 1;
}

// Returns the tag of its transaction.
std::uint32_t Session::add_recipient(const smtp::CommandEvent& c) {
  const auto path = mail::parse_path(c.argument);
  const std::string shown = path ? redactor_.address(path->local, path->domain) : "<?>";
  if (path) add_unique(ev_.rcpt_domains, path->domain);
  if (!in_transaction_) return 0;
  evidence::Transaction& t = ev_.transactions[transaction_];
  if (transaction_ == 0 && t.recipients.empty())
    note_line(Dir::client, c.at, c.offset, c.length, "RCPT TO:" + shown);
  if (t.recipients.size() >= limits::kSmtpRecipients) return 0;
  t.recipients.push_back({path ? path->domain : std::string(), 0, c.at});
  t.rcpt_to.push_back(shown);
  return transaction_ + 1;
}

void Session::end_transaction() {
  if (!in_transaction_) return;
  in_transaction_ = false;
  const evidence::Transaction& t = ev_.transactions[transaction_];
  // A MAIL that was refused began nothing.
  if (t.mail_code >= 300) {
    --ev_.transaction_count;
    return;
  }
  emit(Change::transaction, transaction_);
}

}  // namespace mxw::session
