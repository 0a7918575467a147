#include "milter/judge_file.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/verdict_replica.hpp"
#include "core/mail/name.hpp"
#include "core/operator/read.hpp"
#include "milter/join.hpp"
#include "milter/milter_event.hpp"
#include "milter/session.hpp"
#include "milter/settings.hpp"

namespace mxw::milter {
namespace {

constexpr char kClient[] = "192.0.2.1";     // of nobody
constexpr char kMta[] = "mta.example.org";  // where the settings name none

class CacheLookup final : public Lookup {
 public:
  CacheLookup(const config::Config& config, const std::string& cache, Time now)
      : settings_{.families = config.milter.families, .egress = config.milter.egress},
        operator_(operators::read_operator_state(config.paths.operator_dir, now)) {
    loaded_ = known_.load(cache);
  }
  DomainPath path(std::string_view domain, Time now, bool) override {
    return join(domain, known_, verdicts_, operator_->said(domain, now), settings_, now).path;
  }
  std::optional<SessionVerdict> session(const Endpoint&, const Endpoint&, Time, Time) override {
    return std::nullopt;
  }
  [[nodiscard]] bool sees_sessions() const override { return false; }
  bool take_probe(std::string_view, Time) override { return false; }
  [[nodiscard]] bool loaded() const { return loaded_; }

 private:
  JoinSettings settings_;
  std::shared_ptr<const operators::OperatorState> operator_;
  feed::Replica known_;
  feed::VerdictReplica verdicts_;
  bool loaded_ = false;
};

class Told final : public Recorder {
 public:
  void decision(DecisionNote note) override { decisions.push_back(std::move(note)); }
  void message(MessageNote) override {}
  void queue_id(std::uint64_t, Time, std::string_view) override {}
  void deferred(store::DeferralRow) override {}
  void breaker_tripped(Time, Breaker::Counts) override {}
  void internal_error(Stage) override {}
  std::vector<DecisionNote> decisions;
};

class GivenMacros final : public Macros {
 public:
  explicit GivenMacros(std::map<std::string, std::string> macros) : macros_(std::move(macros)) {}
  [[nodiscard]] std::string_view get(const char* name) const override {
    const auto found = macros_.find(name);
    return found == macros_.end() ? std::string_view() : found->second;
  }

 private:
  std::map<std::string, std::string> macros_;
};

std::string decision_line(const DecisionNote& note) {
  std::string line = "  " + (note.domain.empty() ? "message" : note.domain) + ": " +
                     std::string(name(note.decision.action));
  if (note.decision.wish != note.decision.action)
    line += " (without dry_run: " + std::string(name(note.decision.wish)) + ")";
  if (const std::string code = code_text(note.decision); !code.empty()) line += ", " + code;
  line += ", " + std::string(name(note.decision.reason));
  if (!note.path.domain.empty())
    line += ", protection " + std::string(policy::protection_name(note.path.protection)) +
            ", path " + std::string(name(note.path.state));
  return line + '\n';
}

// Of a header that stays nothing but its number is printed: others write addresses there.
std::string edit_lines(const Edits& edits) {
  std::string out;
  for (const Edits::Change& change : edits.changed)
    out +=
        "  Authentication-Results " + std::to_string(change.index) +
        (change.value.empty() ? " goes\n"
                              : " loses " + std::to_string(change.clauses) + " of its results\n");
  if (edits.authentication_results)
    out += "  inserted: Authentication-Results: " + *edits.authentication_results + '\n';
  if (edits.quarantine) out += "  put on hold: " + *edits.quarantine + '\n';
  return out;
}

// As a client that queues where the settings name one, so that a deferral is seen.
std::string judge(const MessageHeader& header, std::shared_ptr<const Settings> settings,
                  const Shared& shared, Told& told) {
  const IpAddress client =
      settings->peers.empty() ? *IpAddress::parse(kClient) : settings->peers.front().network;
  Session session(std::move(settings), shared, 1);
  told.decisions.clear();
  const GivenMacros mta({{"j", kMta}, {"i", "test"}});
  session.connect({.host = "client.example.org", .client = Endpoint{client, 25}}, mta);
  session.helo("client.example.org", mta);
  const std::string_view sender[] = {"<sender@example.org>"};
  session.mail(sender, mta);
  for (const std::string& address : header.recipients) {
    const std::string path = "<" + address + ">";
    const std::string_view argument[] = {path};
    session.rcpt(argument, GivenMacros({{"{rcpt_mailer}", "smtp"},
                                        {"{rcpt_host}", address.substr(address.rfind('@') + 1)},
                                        {"{rcpt_addr}", address}}));
  }
  session.data(mta);
  for (const auto& [name, value] : header.fields) session.header(name, value);
  const Edits edits = session.end_of_message(mta);
  session.close();
  std::string out = "as " + std::string(name(session.role())) + ":\n";
  for (const DecisionNote& note : told.decisions) out += decision_line(note);
  return out + edit_lines(edits);
}

void add_recipients(std::string_view text, std::vector<std::string>& recipients) {
  constexpr std::string_view kBetween = " \t\r\n,;:<>()\"";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kBetween), text.size());
    const std::string word(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t at = word.rfind('@');
    if (at == std::string::npos || at == 0 || recipients.size() >= kJudgedRecipients) continue;
    if (mail::HostName::parse(word.substr(at + 1)) && std::ranges::count(recipients, word) == 0)
      recipients.push_back(word);
  }
}

}  // namespace

MessageHeader read_header(std::string_view message) {
  MessageHeader header;
  message = message.substr(0, kJudgedBytes);
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if ((line.front() == ' ' || line.front() == '\t') && !header.fields.empty()) {
      (header.fields.back().second += '\n') += line;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // `From ` of a mailbox, or nothing of ours
    header.fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  for (const auto& [name, value] : header.fields)
    if (ascii::iequals(name, "to") || ascii::iequals(name, "cc"))
      add_recipients(value, header.recipients);
  return header;
}

Result<std::string> judge_file(const std::string& path, const config::Config& config,
                               const std::string& cache_path, Time now) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kJudgedBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() && !in.good()) return fail(ErrorKind::input, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  const MessageHeader header = read_header(text);
  CacheLookup lookup(config, cache_path, now);
  Deferrals deferrals;
  deferrals.start(std::vector<std::uint8_t>(32, 1), {});
  Breaker breaker({});
  Told told;
  const Shared shared{
      lookup, deferrals, breaker, told, [now] { return now; }, [now] { return now; }};
  std::vector<config::MilterRole> roles = {config.milter.role};
  if (config.milter.role == config::MilterRole::automatic)
    roles = {config::MilterRole::inbound, config::MilterRole::relay};
  std::string out;
  if (!lookup.loaded()) out = "nothing is known of policies: " + cache_path + " cannot be read\n";
  if (header.recipients.empty()) out += "no recipient in To or Cc\n";
  for (const config::MilterRole role : roles) {
    config::Milter milter = config.milter;
    milter.role = role;
    auto settings = Settings::compile(milter);
    if (!settings) return std::unexpected(std::move(settings.error()));
    out += judge(header, std::move(*settings), shared, told);
  }
  return out;
}

}  // namespace mxw::milter
