// The engine among fakes: a DNS of names and answers, a web of domains and policies, a clock moved
// by hand, a store that can be made to fail.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/store/memory_policy_store.hpp"
#include "policyd/engine.hpp"
#include "refresh_support.hpp"

namespace mxw::policyd::test {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Time wall() const override { return {wall_}; }
  [[nodiscard]] std::int64_t boot() const override { return boot_; }
  [[nodiscard]] std::unique_ptr<Alarm> alarm(std::function<void()> callback) override {
    return std::make_unique<ManualAlarm>(*this, std::move(callback));
  }

  void step_wall(std::int64_t ns) { wall_ += ns; }

  // Runs every alarm that comes due on the way, `between` after each.
  void advance(std::int64_t ns, const std::function<void()>& between) {
    const std::int64_t end = boot_ + ns;
    between();
    while (true) {
      ManualAlarm* next = nullptr;
      for (ManualAlarm* one : alarms_) {
        if (one->due <= end && (next == nullptr || one->due < next->due)) next = one;
      }
      if (next == nullptr) break;
      move_to(std::max(next->due, boot_));
      next->due = INT64_MAX;
      next->callback();
      between();
    }
    move_to(end);
  }

 private:
  struct ManualAlarm final : Alarm {
    ManualAlarm(ManualClock& owner, std::function<void()> call)
        : clock(owner), callback(std::move(call)) {
      clock.alarms_.insert(this);
    }
    ~ManualAlarm() override { clock.alarms_.erase(this); }
    ManualAlarm(const ManualAlarm&) = delete;
    ManualAlarm& operator=(const ManualAlarm&) = delete;
    void start(std::int64_t delay_ns) override { due = clock.boot_ + delay_ns; }
    void stop() override { due = INT64_MAX; }
    ManualClock& clock;
    std::function<void()> callback;
    std::int64_t due = INT64_MAX;
  };
  void move_to(std::int64_t boot) {
    wall_ += boot - boot_;
    boot_ = boot;
  }
  std::int64_t wall_ = kStart.ns, boot_ = 1'000 * kSecond;
  std::set<ManualAlarm*> alarms_;
};

// What is asked waits until deliver(); a name nobody set does not exist.
class FakeDns final : public Dns {
 public:
  void query(std::string_view name, dns::Type type, Callback callback) override {
    ++asked[{std::string(name), type}];
    pending_.push_back({{std::string(name), type}, std::move(callback)});
  }
  bool deliver() {
    bool any = false;
    for (std::size_t left = pending_.size(); left > 0; --left) {
      Pending one = std::move(pending_.front());
      pending_.pop_front();
      if (silent.contains(one.key.first)) {
        pending_.push_back(std::move(one));
        continue;
      }
      any = true;
      one.callback(answer(one.key));
    }
    return any;
  }

  using Key = std::pair<std::string, dns::Type>;
  void set(const std::string& name, dns::Type type, resolve::Outcome outcome, bool ad = false) {
    resolve::Answer answer;
    answer.outcome = outcome;
    answer.canonical = name;
    answer.validating = true;
    answer.authenticated = ad;
    if (outcome == resolve::Outcome::nodata || outcome == resolve::Outcome::nxdomain)
      answer.negative_ttl = 600;
    answers[{name, type}] = answer;
  }
  resolve::Answer& put(const std::string& name, dns::Type type,
                       std::vector<decltype(dns::Record::data)> data, bool ad = false,
                       std::uint32_t ttl = 3'600) {
    set(name, type, resolve::Outcome::ok, ad);
    resolve::Answer& answer = answers[{name, type}];
    answer.ttl = ttl;
    for (auto& one : data) {
      dns::Record record;
      record.name = name;
      record.type = static_cast<std::uint16_t>(type);
      record.klass = 1;
      record.ttl = ttl;
      record.data = std::move(one);
      answer.records.push_back(std::move(record));
    }
    return answer;
  }
  void txt(const std::string& name, const std::string& text, std::uint32_t ttl = 300) {
    put(name, dns::Type::txt, {dns::Txt{{text}}}, false, ttl);
  }
  void mx(const std::string& domain, const std::vector<std::string>& hosts, bool ad = false) {
    std::vector<decltype(dns::Record::data)> data;
    for (const std::string& host : hosts)
      data.emplace_back(dns::Mx{static_cast<std::uint16_t>(10 * (data.size() + 1)), host});
    put(domain, dns::Type::mx, std::move(data), ad);
  }
  void address(const std::string& host, bool ad = false, const std::string& canonical = "") {
    auto& a = put(host, dns::Type::a, {*IpAddress::parse("192.0.2.25")}, ad);
    if (!canonical.empty()) a.canonical = canonical;
    set(host, dns::Type::aaaa, resolve::Outcome::nodata, ad);
  }
  void tlsa(const std::string& host, bool ad = true, std::uint8_t usage = 3,
            std::size_t octets = 32) {
    put("_25._tcp." + host, dns::Type::tlsa,
        {dns::Tlsa{usage, 1, 1, std::vector<std::uint8_t>(octets, 7)}}, ad);
  }
  [[nodiscard]] std::size_t open() const { return pending_.size(); }
  [[nodiscard]] int count(const std::string& name, dns::Type type) const {
    const auto at = asked.find({name, type});
    return at == asked.end() ? 0 : at->second;
  }

  std::map<Key, resolve::Answer> answers;
  std::map<Key, int> asked;
  std::set<std::string> silent;
  std::optional<resolve::Outcome> all;  // every question ends so

 private:
  struct Pending {
    Key key;
    Callback callback;
  };
  [[nodiscard]] resolve::Answer answer(const Key& key) const {
    if (all) {
      resolve::Answer failed;
      failed.outcome = *all;
      return failed;
    }
    if (const auto at = answers.find(key); at != answers.end()) return at->second;
    resolve::Answer none;
    none.outcome = resolve::Outcome::nxdomain;
    none.canonical = key.first;
    none.negative_ttl = 600;
    return none;
  }
  std::deque<Pending> pending_;
};

class FakeHttps final : public Https {
 public:
  void fetch(https::FetchRequest request, Callback callback) override {
    ++gets[request.domain.text()];
    pending_.emplace_back(request.domain.text(), std::move(callback));
  }
  bool deliver() {
    if (silent || pending_.empty()) return false;
    const auto [domain, callback] = std::move(pending_.front());
    pending_.pop_front();
    https::FetchResult result;
    const auto at = bodies.find(domain);
    result.cause = at == bodies.end() ? cause : https::Cause::ok;
    if (at != bodies.end()) result.body = at->second;
    callback(result);
    return true;
  }
  std::map<std::string, std::string> bodies;
  std::map<std::string, int> gets;
  https::Cause cause = https::Cause::connect;
  bool silent = false;

 private:
  std::deque<std::pair<std::string, Callback>> pending_;
};

// A PolicyStore that fails on demand.
class FailingStore final : public store::PolicyStore {
 public:
  explicit FailingStore(Time now) : inner(now) {}
  template <typename T>
  store::Result<T> no() const {
    return std::unexpected(store::make_error(store::Fault::disk_full, "test", "full"));
  }
  template <typename T>
  store::Result<T> refusal() const {
    return std::unexpected(store::make_error(refusal_fault, "test", "refused"));
  }
  using Row = rows::DomainRow;
  store::Result<void> put_domain(const Row& row, const rows::EventRow* event) override {
    if (refused.contains(row.name)) return refusal<void>();
    return writes_fail ? no<void>() : inner.put_domain(row, event);
  }
  store::Result<void> touch(std::span<const rows::Key> domains, Time now) override {
    most_touched = std::max(most_touched, domains.size());
    return writes_fail ? no<void>() : inner.touch(domains, now);
  }
  store::Result<rows::PolicyChange> put_policy(const Row& domain, const rows::PolicyRow& policy,
                                               const rows::EventRow* event) override {
    if (refused.contains(domain.name)) return refusal<rows::PolicyChange>();
    return writes_fail ? no<rows::PolicyChange>() : inner.put_policy(domain, policy, event);
  }
  store::Result<bool> retime_policy(rows::Key domain, Time fetched_at) override {
    return writes_fail ? no<bool>() : inner.retime_policy(domain, fetched_at);
  }
  store::Result<bool> end_policy(rows::Key domain, Time at, const rows::EventRow* event) override {
    return writes_fail ? no<bool>() : inner.end_policy(domain, at, event);
  }
  store::Result<void> replace_routes(rows::Key domain,
                                     std::span<const rows::RouteRow> rows) override {
    return writes_fail ? no<void>() : inner.replace_routes(domain, rows);
  }
  store::Result<void> replace_tlsa(rows::Key base, std::span<const rows::TlsaRow> rows) override {
    return writes_fail ? no<void>() : inner.replace_tlsa(base, rows);
  }
  store::Result<void> append_event(const rows::EventRow& event) override {
    return writes_fail ? no<void>() : inner.append_event(event);
  }
  store::Result<std::optional<Row>> domain(rows::Key name) override {
    ++domain_reads;
    return reads_fail ? no<std::optional<Row>>() : inner.domain(name);
  }
  store::Result<std::optional<rows::PolicyRow>> current_policy(rows::Key domain) override {
    return reads_fail ? no<std::optional<rows::PolicyRow>>() : inner.current_policy(domain);
  }
  store::Result<std::optional<rows::PolicyRow>> policy_at(rows::Key domain, Time at) override {
    return inner.policy_at(domain, at);
  }
  store::Result<std::vector<rows::PolicyRow>> policy_history(rows::Key domain) override {
    return inner.policy_history(domain);
  }
  store::Result<std::vector<rows::RouteRow>> routes(rows::Key domain) override {
    return reads_fail ? no<std::vector<rows::RouteRow>>() : inner.routes(domain);
  }
  store::Result<std::vector<rows::TlsaRow>> tlsa(rows::Key base) override {
    return reads_fail ? no<std::vector<rows::TlsaRow>>() : inner.tlsa(base);
  }
  store::Result<std::vector<rows::EventRow>> events(rows::Key domain, std::size_t limit) override {
    return inner.events(domain, limit);
  }
  store::Result<std::vector<Row>> due(std::uint32_t tenant, Time before,
                                      const store::DuePlace& after, std::size_t limit) override {
    return reads_fail ? no<std::vector<Row>>() : inner.due(tenant, before, after, limit);
  }
  store::Result<rows::Sequence> head() override {
    return reads_fail ? no<rows::Sequence>() : inner.head();
  }
  store::Result<std::vector<rows::Change>> current(rows::Sequence after,
                                                   std::size_t limit) override {
    if (reads_fail) return no<std::vector<rows::Change>>();
    auto page = inner.current(after, limit);
    current_rows += page ? page->size() : 0;
    return page;
  }
  store::Result<store::Changes> changes_since(rows::Sequence from, std::size_t limit) override {
    return inner.changes_since(from, limit);
  }
  store::Result<store::Pruned> prune(const store::PolicyBounds& bounds, Time now,
                                     const store::Pinned& pinned) override {
    ++prunes;
    return writes_fail ? no<store::Pruned>() : inner.prune(bounds, now, pinned);
  }
  store::Result<store::PolicyStatistics> statistics() override { return inner.statistics(); }
  store::Result<rows::PolicyChange> put_tlsrpt(const rows::TlsrptRow& row,
                                               const rows::EventRow* event) override {
    return writes_fail ? no<rows::PolicyChange>() : inner.put_tlsrpt(row, event);
  }
  store::Result<void> put_reread(const rows::RereadRow& row) override {
    return writes_fail ? no<void>() : inner.put_reread(row);
  }
  store::Result<void> put_failures(std::span<const rows::PolicyFailureRow> rows) override {
    return writes_fail ? no<void>() : inner.put_failures(rows);
  }
  store::Result<std::vector<rows::PolicyFailureRow>> failures(rows::Key domain) override {
    return inner.failures(domain);
  }
  store::Result<std::vector<rows::PolicyFailureRow>> open_failures(rows::Key domain) override {
    return reads_fail ? no<std::vector<rows::PolicyFailureRow>>() : inner.open_failures(domain);
  }
  store::Result<std::optional<rows::TlsrptRow>> tlsrpt(rows::Key domain) override {
    return inner.tlsrpt(domain);
  }
  store::Result<std::optional<rows::TlsrptRow>> tlsrpt_at(rows::Key domain, Time at) override {
    return inner.tlsrpt_at(domain, at);
  }
  store::Result<std::vector<rows::TlsrptRow>> tlsrpt_history(rows::Key domain) override {
    return inner.tlsrpt_history(domain);
  }
  store::Result<std::optional<rows::RereadRow>> reread(rows::Key domain) override {
    return inner.reread(domain);
  }

  store::MemoryPolicyStore inner;
  bool reads_fail = false, writes_fail = false;
  std::set<std::string> refused;  // domains whose rows are never taken
  store::Fault refusal_fault = store::Fault::limit;
  int prunes = 0;
  std::size_t domain_reads = 0, most_touched = 0, current_rows = 0;
};

struct Recorder final : Observer, Sink {
  void on_event(const rows::EventRow& event) override { events.push_back(event.kind); }
  void on_store_error(const store::StoreError& /*error*/, std::string_view what,
                      std::string_view /*domain*/) override {
    errors.emplace_back(what);
  }
  void on_clock_step(std::int64_t by_ns) override { steps.push_back(by_ns); }
  void on_clock_behind(Time /*newest*/) override { ++behind; }
  store::Result<void> put_tlsrpt(const rows::TlsrptRow& row) override {
    tlsrpt.push_back(row);
    return {};
  }
  store::Result<void> put_reread(const rows::RereadRow& row) override {
    rereads.push_back(row);
    return {};
  }
  std::vector<std::string> events, errors;
  std::vector<std::int64_t> steps;
  int behind = 0;
  std::vector<rows::TlsrptRow> tlsrpt;
  std::vector<rows::RereadRow> rereads;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override { restart(); }

  void restart() {
    engine.reset();
    engine = std::make_unique<Engine>(clock, dns, https, store, options, recorder, &recorder);
    engine->on_commit([this] { ++commits; });
    engine->start();
    settle();
  }
  // Every answer that is there is delivered.
  void settle() {
    bool any = true;
    while (any) {
      any = dns.deliver();
      any = https.deliver() || any;
    }
  }
  void advance(std::int64_t ns) {
    clock.advance(ns, [this] { settle(); });
  }
  // A domain with a policy and one MX.
  void publish(const std::string& domain, const std::string& body, const std::string& id = "1") {
    dns.txt("_mta-sts." + domain, "v=STSv1; id=" + id + ";");
    dns.address("mta-sts." + domain);
    dns.mx(domain, {"mx." + domain});
    dns.address("mx." + domain);
    https.bodies[domain] = body;
  }
  Answer want(const std::string& domain) {
    std::optional<Answer> got;
    engine->want(domain, [&](const Answer& answer) { got = answer; });
    settle();
    EXPECT_TRUE(got) << domain << ": no answer";
    return got.value_or(Answer{});
  }
  [[nodiscard]] std::string said(const std::string& domain) {
    const Answer answer = want(domain);
    if (answer.state != rows::DomainState::policy) return std::string(rows::name(answer.state));
    return std::string(policy::mode_name(answer.mode)) + " " + answer.policy_id;
  }
  [[nodiscard]] std::vector<rows::RouteRow> routes(const std::string& domain) {
    return *store.inner.routes({0, domain});
  }
  [[nodiscard]] std::vector<rows::TlsaRow> tlsa(const std::string& base) {
    return *store.inner.tlsa({0, base});
  }
  [[nodiscard]] int txt_count(const std::string& domain) const {
    return dns.count("_mta-sts." + domain, dns::Type::txt);
  }

  ManualClock clock;
  FakeDns dns;
  FakeHttps https;
  FailingStore store{kStart};
  Options options;
  Recorder recorder;
  int commits = 0;
  std::unique_ptr<Engine> engine;
};

}  // namespace mxw::policyd::test
