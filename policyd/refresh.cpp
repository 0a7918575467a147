#include "policyd/refresh.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/policy/mta_sts.hpp"
#include "policyd/event_kind.hpp"
#include "policyd/weakened.hpp"

namespace mxw::policyd {
namespace {

using policy::Mode;
using rows::DomainRow;
using rows::DomainState;
using rows::PolicyRow;

constexpr std::string_view kShortLived = "short-lived";

// One look, being concluded: the steps below are called in order.
class Look {
 public:
  Look(const Stored& stored, const TxtAnswer& txt, const std::optional<FetchAnswer>& fetch,
       Recent& recent, const Moment& moment)
      : stored_(stored), txt_(txt), fetch_(fetch), recent_(recent), moment_(moment) {
    out_.domain = stored.domain;
    if (is_live(stored.policy, moment.now)) live_ = &*stored.policy;
  }

  Conclusion conclude() {
    expire();
    note_txt();
    note_fetch();
    if (!out_.put) note_without_policy();
    count();
    schedule();
    if (kept_ && !out_.put) out_.domain.state = DomainState::policy;
    if (out_.put)
      out_.effective = out_.put;
    else if (live_ != nullptr)
      out_.effective = *live_;
    return std::move(out_);
  }

 private:
  enum class Trouble : std::uint8_t { none, txt_missing, txt_failing, fetch, ours };

  [[nodiscard]] Time in(std::int64_t ns) const { return moment_.now + ns; }

  // `ns` made longer by up to a fifth, so that what failed together is not tried together.
  [[nodiscard]] std::int64_t spread(std::int64_t ns) const {
    return ns + static_cast<std::int64_t>(static_cast<double>(ns) * 0.2 * moment_.jitter);
  }

  void tell(EventKind kind, std::string detail, std::string_view result_type = {}) {
    rows::EventRow event;
    event.tenant = out_.domain.tenant;
    event.origin = out_.domain.origin;
    event.time = moment_.now;
    event.domain = out_.domain.name;
    event.kind = name(kind);
    event.result_type = result_type;
    event.detail = std::move(detail);
    out_.events.push_back(std::move(event));
  }

  void expire() {
    if (!stored_.policy || live_ != nullptr) return;
    kept_ = !moment_.settled;
    if (kept_) return;
    out_.end = true;
    out_.domain.state = DomainState::unknown;
    if (stored_.policy->mode == Mode::none || stored_.policy->max_age < kShortLife) return;
    tell(EventKind::policy_expired, "id " + stored_.policy->id, out_.domain.fail_type);
  }

  [[nodiscard]] bool is_denial() const {
    return txt_.kind == TxtKind::none || txt_.kind == TxtKind::invalid;
  }

  void note_txt() {
    DomainRow& domain = out_.domain;
    const std::int64_t ttl = static_cast<std::int64_t>(txt_.ttl) * kSecond;
    if (txt_.kind == TxtKind::record) {
      if (domain.txt_id != txt_.id) note_id();
      domain.txt_id = txt_.id;
      domain.txt_until = in(std::clamp(ttl, kTxtHold, kTxtMost));
    } else if (live_ != nullptr) {
      domain.txt_until = in(kTxtHold);
    } else {
      domain.txt_until.reset();
    }
    if (txt_.kind != TxtKind::failure) domain.checked_at = moment_.now;
    if (txt_.kind == TxtKind::failure) trouble_ = Trouble::txt_failing;
    if (is_denial()) trouble_ = Trouble::txt_missing;
  }

  // RFC 8461 section 3.1 lets the id change with the policy; many in a day are a game with us.
  void note_id() {
    if (out_.domain.txt_id.empty()) return;
    std::erase_if(recent_.id_changes, [&](Time at) { return at <= in(-kFlapSpan); });
    recent_.id_changes.push_back(moment_.now);
    if (recent_.id_changes.size() < kFlaps) return;
    recent_.id_changes.clear();
    tell(EventKind::id_flapping,
         std::to_string(kFlaps) + " other ids within a day, now " + txt_.id);
  }

  void note_fetch() {
    if (!fetch_) return;
    if (fetch_->cause == https::Cause::busy || fetch_->cause == https::Cause::local) {
      trouble_ = Trouble::ours;
      why_ = fetch_->detail;
      out_.domain.check_result = "fetch-" + std::string(https::cause_name(fetch_->cause));
      out_.domain.neg_until = in(kDnsHold);
      return;
    }
    if (fetch_->cause != https::Cause::ok) {
      return note_failure("fetch-" + std::string(https::cause_name(fetch_->cause)),
                          https::result_type(fetch_->cause), fetch_->detail);
    }
    const auto policy = policy::parse_sts_policy(fetch_->body);
    if (policy) return take(*policy);
    note_failure("policy-invalid", "sts-policy-invalid",
                 "line " + std::to_string(policy.error().line) + ": " + policy.error().reason);
  }

  [[nodiscard]] std::string txt_word() const {
    return txt_.kind == TxtKind::failure ? "txt-" + txt_.word : "txt-missing";
  }

  [[nodiscard]] const std::string& fetched_id() const {
    return txt_.kind == TxtKind::record || live_ == nullptr ? txt_.id : live_->id;
  }

  void note_failure(std::string word, std::string_view result_type, std::string detail) {
    trouble_ = Trouble::fetch;
    why_ = std::move(detail);
    DomainRow& domain = out_.domain;
    domain.checked_at = moment_.now;
    domain.check_result = std::move(word);
    domain.fail_type = result_type;
    domain.neg_until = in(kGetHold);
    hold(fetched_id(), in(kGetHold));
  }

  void hold(const std::string& id, Time until) {
    std::erase_if(recent_.held, [&](const Recent::Held& held) {
      return held.until <= moment_.now || held.id == id;
    });
    if (recent_.held.size() < kHeldIds) recent_.held.push_back({id, until});
  }

  void take(const policy::StsPolicy& policy) {
    PolicyRow row;
    row.tenant = out_.domain.tenant;
    row.origin = out_.domain.origin;
    row.domain = out_.domain.name;
    row.id = fetched_id();
    row.mode = policy.mode;
    row.body = fetch_->body;
    row.valid_from = row.fetched_at = moment_.now;
    row.max_age = policy.max_age;
    row.source = kSource;
    tell_change(policy, row);

    DomainRow& domain = out_.domain;
    domain.state = DomainState::policy;
    domain.checked_at = moment_.now;
    domain.fail_type.clear();
    domain.check_result = txt_.kind == TxtKind::record ? "ok" : txt_word();
    domain.neg_until.reset();
    // Too short to be kept alive: 0 and 1 by semantics 11, others so that two questions in a row
    // are not two GETs.
    if (policy.max_age * kSecond < 2 * kShortest) {
      domain.check_result = kShortLived;
      domain.neg_until = in(policy.max_age <= 1 ? kGetHold : kShortest);
      hold(row.id, *domain.neg_until);
    }
    out_.end = false;  // the store closes the old row where the new one begins
    out_.put = std::move(row);
  }

  void tell_change(const policy::StsPolicy& policy, const PolicyRow& row) {
    const auto short_lived = [&] {
      if (policy.max_age < kShortLife)
        tell(EventKind::short_lived, "max_age " + std::to_string(policy.max_age));
    };
    // What had run out all the same says whether this is news: a life of seconds is not.
    const PolicyRow* before = stored_.policy ? &*stored_.policy : nullptr;
    if (live_ == nullptr && (before == nullptr || before->body != row.body)) {
      tell(EventKind::policy_new,
           "id " + row.id + "; mode " + std::string(policy::mode_name(policy.mode)));
      return short_lived();
    }
    if (live_ == nullptr) return;
    if (live_->body == row.body) {
      if (live_->id != row.id)
        tell(EventKind::id_changed, "id " + live_->id + "->" + row.id + "; the same body");
      return;
    }
    if (live_->id == row.id) tell(EventKind::body_changed, "id " + row.id);
    auto old = policy::parse_sts_policy(live_->body);
    if (!old) old.emplace().mode = live_->mode;  // stored by a version that took more
    const Difference difference = compare_policies(*old, policy);
    tell(difference.weaker ? EventKind::policy_weakened : EventKind::policy_changed,
         difference.text);
    short_lived();
  }

  // No policy was stored by this look: what the domain is without one, or until it gets one.
  void note_without_policy() {
    DomainRow& domain = out_.domain;
    const bool tried = trouble_ == Trouble::fetch || trouble_ == Trouble::ours;
    if (tried) {
      if (live_ == nullptr) domain.state = DomainState::unknown;
      return;
    }
    if (txt_.kind == TxtKind::record) {
      if (live_ != nullptr && domain.fail_type.empty()) domain.check_result = "ok";
      if (live_ == nullptr) domain.state = DomainState::unknown;  // a failed GET is on hold
      return;
    }
    if (live_ != nullptr || kept_ || txt_.kind == TxtKind::failure) {
      domain.check_result = txt_word();
      const Time until = in(kDnsHold);
      if (live_ == nullptr) domain.neg_until = std::max(domain.neg_until.value_or(until), until);
      return;
    }
    domain.state = DomainState::none;
    domain.check_result = txt_.kind == TxtKind::invalid ? "txt-invalid" : "none";
    domain.fail_type.clear();
    domain.neg_until = in(kNoneHold);
  }

  // RFC 8461 section 10.2: failures are told, unless the policy is on its way out (mode none).
  void count() {
    DomainRow& domain = out_.domain;
    const bool denied = trouble_ == Trouble::txt_missing && live_ == nullptr;
    const bool on_hold = !fetch_ && trouble_ == Trouble::none && !domain.fail_type.empty();
    if (trouble_ == Trouble::ours || on_hold) return;
    if (trouble_ == Trouble::none || denied) {
      const bool told =
          live_ != nullptr ? live_->mode != Mode::none : !stored_.domain.fail_type.empty();
      if (domain.fail_count > 0 && !denied && told)
        tell(EventKind::recovered, "after " + std::to_string(domain.fail_count) + " failures");
      domain.fail_count = 0;
      return;
    }
    if (domain.fail_count < UINT32_MAX) ++domain.fail_count;
    const bool first_or_third = domain.fail_count == 1 || domain.fail_count == 3;
    if (first_or_third || domain.fail_count % 24 == 0) tell_trouble();
  }

  void tell_trouble() {
    if (live_ != nullptr && live_->mode == Mode::none) return;
    std::string detail = std::to_string(out_.domain.fail_count) + " times";
    if (live_ != nullptr) {
      const std::int64_t left = (live_->valid_until() - moment_.now) / kSecond;
      detail += "; policy left " + std::to_string(left) + " of " + std::to_string(live_->max_age);
    } else {
      detail += "; no policy";
    }
    if (trouble_ == Trouble::fetch)
      return tell(EventKind::fetch_failing,
                  detail + "; " + out_.domain.check_result + (why_.empty() ? "" : ": " + why_),
                  out_.domain.fail_type);
    if (live_ == nullptr) return;  // a lookup failed and nothing is at stake
    tell(trouble_ == Trouble::txt_missing ? EventKind::txt_missing : EventKind::txt_failing,
         detail + "; TXT " + txt_.word);
  }

  void schedule() {
    DomainRow& domain = out_.domain;
    const std::int64_t unasked = moment_.now - domain.last_asked;
    if (out_.put) {
      domain.refresh_at = after_success(*out_.put);
    } else if (live_ != nullptr) {
      schedule_live();
    } else if (kept_) {
      domain.refresh_at = in(spread(retry_after(true)));
      return;
    } else if (trouble_ == Trouble::txt_missing || unasked > kColdRetry) {
      domain.refresh_at.reset();
    } else {
      domain.refresh_at = in(spread(retry_after(fetch_ || !domain.fail_type.empty())));
    }
    if (unasked > kIdle) domain.refresh_at.reset();
  }

  // A day, spread over [0.9, 1.1); for a short life well before its half.
  [[nodiscard]] std::optional<Time> after_success(const PolicyRow& row) const {
    const std::int64_t life = row.valid_until() - moment_.now;
    if (life < 2 * kShortest) return std::nullopt;
    const double day = static_cast<double>(moment_.interval) * (0.9 + 0.2 * moment_.jitter);
    const double half = static_cast<double>(life) / 2 * (0.8 + 0.2 * moment_.jitter);
    const auto wait = static_cast<std::int64_t>(std::min(day, half));
    return in(std::max(wait, std::min(kShortest, life / 2)));
  }

  void schedule_live() {
    DomainRow& domain = out_.domain;
    const bool overdue = !domain.refresh_at || *domain.refresh_at <= moment_.now;
    const bool failed = trouble_ == Trouble::fetch || trouble_ == Trouble::ours;
    if (!overdue && !failed) return;
    const std::int64_t left = live_->valid_until() - moment_.now;
    const std::int64_t wait = std::min(retry_after(true), std::max(kGetHold, left / 2));
    domain.refresh_at = in(spread(trouble_ == Trouble::ours ? kDnsHold : wait));
  }

  // Doubled with each failure: from the hold of its kind up to kRetryMost.
  [[nodiscard]] std::int64_t retry_after(bool get) const {
    if (trouble_ == Trouble::ours) return kDnsHold;
    const unsigned doublings = std::min(std::max(out_.domain.fail_count, 1U) - 1, 8U);
    return std::min((get ? kGetHold : kDnsHold) << doublings, kRetryMost);
  }

  const Stored& stored_;
  const TxtAnswer& txt_;
  const std::optional<FetchAnswer>& fetch_;
  Recent& recent_;
  const Moment& moment_;
  const PolicyRow* live_ = nullptr;  // the stored policy while it counts
  bool kept_ = false;                // it does not, and is not closed: see Moment::settled
  Conclusion out_;
  Trouble trouble_ = Trouble::none;
  std::string why_;
};

bool id_is_held(const DomainRow& domain, const std::string& id, const Recent& recent, Time now) {
  std::size_t running = 0;
  for (const Recent::Held& held : recent.held) {
    if (held.until <= now) continue;
    if (held.id == id) return true;
    ++running;
  }
  if (running >= kHeldIds) return true;  // ids that change faster than they fail
  if (running > 0) return false;
  // After a restart only the row knows.
  const bool by_get = !domain.fail_type.empty() || domain.check_result == kShortLived;
  return by_get && domain.txt_id == id && domain.neg_until && *domain.neg_until > now;
}

}  // namespace

bool is_live(const std::optional<PolicyRow>& policy, Time now) {
  return policy && now <= policy->valid_until();
}

bool is_held(const DomainRow& domain, Time now) {
  return domain.state != DomainState::none && domain.neg_until && *domain.neg_until > now;
}

bool is_stale(const Stored& stored, Time now) {
  if (is_live(stored.policy, now))
    return !stored.domain.txt_until || *stored.domain.txt_until <= now;
  return !stored.domain.neg_until || *stored.domain.neg_until <= now;
}

bool wants_get(const Stored& stored, const TxtAnswer& txt, const Recent& recent,
               const Moment& moment) {
  const bool live = is_live(stored.policy, moment.now);
  const auto held = [&](const std::string& id) {
    return id_is_held(stored.domain, id, recent, moment.now);
  };
  const bool due =
      moment.reread || !stored.domain.refresh_at || *stored.domain.refresh_at <= moment.now;
  if (txt.kind == TxtKind::record) {
    if (held(txt.id)) return false;
    return !live || txt.id != stored.policy->id || due;
  }
  // RFC 8461 section 10.2: the live policy is fetched whatever the record says; but one of mode
  // none is let go.
  return live && stored.policy->mode != Mode::none && due && !held(stored.policy->id);
}

Conclusion conclude(const Stored& stored, const TxtAnswer& txt,
                    const std::optional<FetchAnswer>& fetch, Recent& recent, const Moment& moment) {
  MXW_CHECK(!stored.domain.name.empty());
  return Look(stored, txt, fetch, recent, moment).conclude();
}

}  // namespace mxw::policyd
