// What the tests of a session share: an MTA's side as a list of macros, knowledge made by hand, and
// a recorder that keeps everything.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "milter/session.hpp"

namespace mxw::milter {

inline constexpr Time kNow{1'800'000'000 * kSecond};

class FakeMacros final : public Macros {
 public:
  FakeMacros() = default;
  FakeMacros(std::initializer_list<std::pair<const std::string, std::string>> macros)
      : macros_(macros) {}
  [[nodiscard]] std::string_view get(const char* name) const override {
    const auto found = macros_.find(name);
    return found == macros_.end() ? std::string_view() : found->second;
  }

 private:
  std::map<std::string, std::string> macros_;
};

class FakeLookup final : public Lookup {
 public:
  DomainPath path(std::string_view domain, Time, bool hint) override {
    asked.emplace_back(domain);
    EXPECT_TRUE(hint);
    if (broken) throw std::runtime_error("lookup");
    const auto found = paths.find(std::string(domain));
    DomainPath path = found == paths.end() ? DomainPath() : found->second;
    path.domain = domain;
    return path;
  }
  std::optional<SessionVerdict> session(const Endpoint& client, const Endpoint& server, Time start,
                                        Time) override {
    if (broken) throw std::runtime_error("lookup");
    session_asked = {client, server};
    session_start = start;
    return verdict;
  }
  [[nodiscard]] bool sees_sessions() const override { return sensor; }
  bool take_probe(std::string_view domain, Time) override {
    probes_asked.emplace_back(domain);
    return std::exchange(probe_free, false);
  }

  std::map<std::string, DomainPath> paths;
  std::optional<SessionVerdict> verdict;
  bool broken = false, probe_free = false, sensor = true;
  std::vector<std::string> asked, probes_asked;
  std::pair<Endpoint, Endpoint> session_asked;
  Time session_start;
};

class FakeRecorder final : public Recorder {
 public:
  void decision(DecisionNote note) override {
    if (broken) throw std::bad_alloc();
    decisions.push_back(std::move(note));
  }
  void message(MessageNote note) override { messages.push_back(std::move(note)); }
  void queue_id(std::uint64_t session, Time since, std::string_view id) override {
    ids.push_back({session, since, std::string(id)});
  }
  void deferred(store::DeferralRow row) override { rows.push_back(row); }
  void breaker_tripped(Time, Breaker::Counts counts) override { trips.push_back(counts); }
  void internal_error(Stage stage) override { errors.push_back(stage); }

  struct Id {
    std::uint64_t session;
    Time since;
    std::string id;
  };
  bool broken = false;
  std::vector<DecisionNote> decisions;
  std::vector<MessageNote> messages;
  std::vector<Id> ids;
  std::vector<store::DeferralRow> rows;
  std::vector<Breaker::Counts> trips;
  std::vector<Stage> errors;
};

inline DomainPath blocked_path(policy::Protection protection = policy::Protection::sts_enforce) {
  DomainPath path;
  path.state = PathState::blocked;
  path.protection = protection;
  path.policy_id = "20261121a";
  path.failure = Failure::starttls;
  path.verdict_ids = {"v1"};
  path.rule = "R02";
  return path;
}

// Deferral as far as it can be chosen.
inline config::Milter deferring() {
  config::Milter milter;
  milter.trusted_networks = {*Cidr::parse("192.0.2.0/24")};
  milter.defer.peers = {*Cidr::parse("192.0.2.0/24")};
  milter.defer.domains = {"*"};
  return milter;
}

// The MTA: drives one session as Postfix 3.7 sends it.
struct Mta {
  explicit Mta(const config::Milter& milter = {}, bool with_memory = true,
               std::size_t bound = Deferrals::kBound)
      : settings(*Settings::compile(milter)),
        deferrals(bound),
        breaker({milter.defer.max_share, milter.defer.min_count}) {
    if (with_memory) deferrals.start(std::vector<std::uint8_t>(32, 7), {});
    again();
  }
  void again() {
    session = std::make_unique<Session>(
        settings,
        Shared{lookup, deferrals, breaker, recorder, [this] { return now; },
               [this] { return wall.value_or(now); }},
        ++sessions);
  }

  void connect(std::string_view client = "192.0.2.9", std::string_view host = "client.a.test",
               std::uint16_t port = 4711) {
    const FakeMacros macros{{"j", "mx1.b.test"},
                            {"{daemon_name}", "mx1.b.test"},
                            {"{daemon_addr}", "198.51.100.2"},
                            {"{daemon_port}", "25"},
                            {"{client_resolve}", "OK"}};
    Connect from{std::string(host), {}};
    if (!client.empty()) from.client = Endpoint{*IpAddress::parse(client), port};
    EXPECT_EQ(session->connect(from, macros).kind, Reply::Kind::go_on);
    EXPECT_EQ(session->helo("client.a.test", FakeMacros()).kind, Reply::Kind::go_on);
  }
  void starttls() {
    session->helo("client.a.test", FakeMacros{{"{tls_version}", "TLSv1.3"},
                                              {"{cipher}", "TLS_AES_256_GCM_SHA384"},
                                              {"{cipher_bits}", "256"}});
  }
  Reply mail(std::string_view from = "<u@a.test>", const FakeMacros& macros = {},
             std::vector<std::string_view> parameters = {"SIZE=258"}) {
    parameters.insert(parameters.begin(), from);
    return session->mail(parameters, macros);
  }
  // `<x@example.org>` by SMTP to example.org.
  Reply rcpt(const std::string& address, const std::string& id = "") {
    const std::string domain = address.substr(address.rfind('@') + 1);
    return rcpt_by(
        address,
        {{"{rcpt_mailer}", "smtp"}, {"{rcpt_host}", domain}, {"{rcpt_addr}", address}, {"i", id}});
  }
  Reply rcpt_by(const std::string& address, const FakeMacros& macros) {
    const std::string argument = "<" + address + ">";
    const std::string_view args[] = {argument, "NOTIFY=NEVER"};
    return session->rcpt(args, macros);
  }
  Edits end(const std::string& id = "87B5BA7C94F") {
    const FakeMacros macros{{"i", id}};
    EXPECT_EQ(session->data(macros).kind, Reply::Kind::go_on);
    for (const auto& [name, value] : headers) session->header(name, value);
    return session->end_of_message(macros);
  }
  const DecisionNote& last() { return recorder.decisions.back(); }

  std::shared_ptr<const Settings> settings;
  FakeLookup lookup;
  FakeRecorder recorder;
  Deferrals deferrals;
  Breaker breaker;
  Time now = kNow;
  std::optional<Time> wall;  // where it is another
  std::uint64_t sessions = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<Session> session;
};

inline std::string reason_of(const DecisionNote& note) {
  return std::string(name(note.decision.reason));
}

}  // namespace mxw::milter
