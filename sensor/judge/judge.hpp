// Judge: the one stage that owns knowledge across connections (docs/architecture.md): domain map,
// baselines, failed TLS, certificates already read. Takes evidence in order of (time, frame),
// judges every rule at its decision point per (session, policy domain), and passes events and
// findings to the sink. What it says never depends on how many workers decoded, on a hash key or on
// a path. One thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/evidence/update.hpp"
#include "core/policy/decide.hpp"
#include "core/rules/evaluate.hpp"
#include "core/rules/loader.hpp"
#include "core/x509/certificate.hpp"
#include "sensor/dns/answer.hpp"
#include "sensor/judge/baseline.hpp"
#include "sensor/judge/coverage.hpp"
#include "sensor/judge/domain_map.hpp"
#include "sensor/judge/fields.hpp"
#include "sensor/judge/retry.hpp"
#include "sensor/judge/sink.hpp"

namespace mxw::judge {

struct Config {
  rules::RuleSet rules;
  std::vector<policy::CachedPolicy> policies;
  std::vector<Cidr> own;
  std::vector<IpAddress> mtas;       // own MTAs outside `own`
  std::vector<IpAddress> resolvers;  // empty: any
  std::vector<FileEntry> mx_map;
  std::string why;  // rule id whose near misses are told, empty for none
  HashKey hash_key{};
};

class Judge final : public evidence::SessionObserver, public dnswire::AnswerObserver {
 public:
  // `trust`, `redactor`, `baseline` and `sink` outlive the judge.
  Judge(Config config, x509::TrustStore& trust, const Redactor& redactor, BaselineStore& baseline,
        Sink& sink);

  void on_update(const evidence::SessionEvidence& session,
                 const evidence::EvidenceUpdate& update) override;
  void on_connection_without_data() override { ++coverage_.connections_without_data; }
  void on_answer(const dnswire::DnsAnswer& answer) override;
  void on_connection(const dnswire::DnsConnection& connection,
                     const evidence::FrameRef& at) override {
    sink_.on_connection(connection, at);
  }

  // As of now; complete after the last update.
  [[nodiscard]] Coverage coverage() const;
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] rules::Severity worst() const { return worst_; }
  [[nodiscard]] std::uint64_t findings() const { return findings_; }

 private:
  struct Fired {
    std::size_t rule;
    std::string domain;
    rules::Severity severity;
  };
  // Keys of the tables across sessions, made once per session.
  struct Keys {
    std::string server, path, client, pool;  // of the baseline; pool may be empty
  };
  struct State {
    Keys keys;
    rules::Role role = rules::Role::unknown;
    std::vector<DomainView> domains;  // never empty once prepared; [0] may be "not known"
    bool from_rcpt = false;           // domains come from RCPT in clear, not from the map
    std::vector<Fired> fired;
    rules::Severity worst = rules::Severity::info;
    bool any_finding = false;
    std::shared_ptr<const x509::Chain> chain;
  };
  using Session = evidence::SessionEvidence;

  // judge.cpp
  State& state_of(const Session& session);
  void judge_point(const Session& session, State& state, evidence::Point point,
                   const evidence::FrameRef& at);
  // Judges the rules of a point for the domains from `first_domain` on; `per_domain_only`: those
  // that read the policy.
  void judge_domains(const Session& session, State& state, evidence::Point point,
                     std::size_t first_domain, bool per_domain_only, const evidence::FrameRef& at);
  void judge_rule(std::size_t index, const std::vector<SessionFields>& domains, State& state);
  [[nodiscard]] rules::Evaluation evaluate(std::size_t index, const SessionFields& fields) const;
  void fire(std::size_t index, const rules::Evaluation& evaluation, const SessionView& view,
            State& state);
  void tell_near_miss(const rules::Rule& rule, const rules::Evaluation& evaluation,
                      const SessionFields& fields);

  // domains.cpp
  [[nodiscard]] bool is_own(const IpAddress& address) const;
  [[nodiscard]] rules::Role role_of(const Session& session) const;
  // Of a DNS answer the asking client alone decides: the resolver may be anybody's.
  [[nodiscard]] rules::Role role_of(const dnswire::DnsAnswer& answer) const;
  void look_up_domains(const Session& session, State& state, Time at);
  void add_recipient(const Session& session, State& state, std::uint32_t transaction,
                     const evidence::FrameRef& at);
  [[nodiscard]] DomainView describe(const Session& session, const State& state,
                                    const std::string& domain, const std::string& mx_host,
                                    DomainBasis basis, Time at) const;
  [[nodiscard]] const policy::CachedPolicy* policy_for(const std::string& domain) const;
  [[nodiscard]] SessionContext context_of(const State& state) const;
  void learn_from_handshake(const Session& session, State& state);

  // learning.cpp
  void read_chain(const Session& session, State& state);
  void end(const Session& session, State& state);
  void note_retry(const Session& session, const State& state);
  void train(const Session& session, const State& state);
  void count(const Session& session, const State& state);
  [[nodiscard]] static Keys keys_of(const Session& session);
  [[nodiscard]] const BaselineRow* server_row(const Keys& keys, bool& of_path) const;
  [[nodiscard]] const BaselineRow* client_row(const Session& session, Keys& keys) const;
  [[nodiscard]] const FailedTls* retry_of(const Session& session, const DomainView& domain,
                                          bool& same_mx) const;

  // answers.cpp
  void judge_answer(const rules::Rule& rule, const AnswerView& view);

  Config config_;
  x509::TrustStore& trust_;
  const Redactor& redactor_;
  BaselineStore& baseline_;
  Sink& sink_;
  DomainMap map_;
  RetryMemory retries_;
  std::unordered_map<std::uint64_t, State> states_;
  // What of a rule does not change, worked out once.
  struct Traits {
    bool policy_based = false;  // every case reads policy or dane: capped by a testing policy
    bool per_domain = false;    // some case does: judged for each domain
    bool fired = false;         // in this run
    std::array<bool, evidence::kPoints> session{}, retry{};  // speaks at this point, by scope
  };
  std::vector<Traits> traits_;  // by index of the rule
  std::array<std::vector<std::size_t>, evidence::kPoints> rules_at_;
  std::array<bool, evidence::kPoints> baseline_at_{};  // some rule of the point reads base.*
  Coverage coverage_;
  rules::Severity worst_ = rules::Severity::info;
  std::uint64_t findings_ = 0;
};

}  // namespace mxw::judge
