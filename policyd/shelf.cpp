#include "policyd/shelf.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/policy/mta_sts.hpp"

namespace mxw::policyd {
namespace {

void move_by(std::optional<Time>& time, std::int64_t by) {
  if (time) time = *time + by;
}

std::size_t octets(const Stored& stored) {
  return sizeof(Stored) + stored.domain.name.size() +
         (stored.policy ? stored.policy->body.size() : 0);
}

bool is_refusal(store::Fault fault) {
  return fault == store::Fault::limit || fault == store::Fault::constraint;
}

const rows::EventRow* event_at(const Conclusion& conclusion, std::size_t place) {
  return place < conclusion.events.size() ? &conclusion.events[place] : nullptr;
}

}  // namespace

template <typename T>
bool Shelf::took(const store::Result<T>& result, std::string_view what, std::string_view domain) {
  if (result) return true;
  ++failures_;
  observer_.on_store_error(result.error(), what, domain);
  return false;
}

void Shelf::correct(Stored& stored) const {
  if (!scale_.ever_stepped()) return;
  if (const std::int64_t by = scale_.correction(stored.domain.seq); by != 0) {
    for (auto* time : {&stored.domain.txt_until, &stored.domain.checked_at,
                       &stored.domain.neg_until, &stored.domain.refresh_at})
      move_by(*time, by);
    stored.domain.last_asked = stored.domain.last_asked + by;
  }
  if (!stored.policy || scale_.misjudged(*stored.policy)) return;
  const std::int64_t by = scale_.correction(stored.policy->seq);
  stored.policy->fetched_at = stored.policy->fetched_at + by;
}

Stored Shelf::load(const std::string& domain) {
  readable_ = true;
  if (const auto held = held_.find(domain); held != held_.end()) return held->second.stored;
  Stored stored;
  auto row = store_.domain(key(domain));
  readable_ = took(row, "read a domain", domain);
  if (readable_ && *row) {
    stored.domain = std::move(**row);
    auto policy = store_.current_policy(key(domain));
    readable_ = took(policy, "read a policy", domain);
    if (readable_) stored.policy = std::move(*policy);
    // A row nobody can judge by is as none: it is fetched again.
    if (stored.policy && !policy::parse_sts_policy(stored.policy->body)) stored.policy.reset();
    correct(stored);
  }
  stored.domain.tenant = tenant_;
  stored.domain.origin = origin_;
  stored.domain.name = domain;
  return stored;
}

std::vector<rows::RouteRow> Shelf::routes(const std::string& domain) {
  auto rows = store_.routes(key(domain));
  return took(rows, "read routes", domain) ? std::move(*rows) : std::vector<rows::RouteRow>{};
}

std::vector<rows::TlsaRow> Shelf::tlsa(const std::string& base) {
  auto rows = store_.tlsa(key(base));
  return took(rows, "read TLSA", base) ? std::move(*rows) : std::vector<rows::TlsaRow>{};
}

std::vector<rows::PolicyFailureRow> Shelf::open_failures(const std::string& domain) {
  auto rows = store_.open_failures(key(domain));
  return took(rows, "read failures", domain) ? std::move(*rows)
                                             : std::vector<rows::PolicyFailureRow>{};
}

std::vector<rows::DomainRow> Shelf::due(Time before, const store::DuePlace& after,
                                        std::size_t limit) {
  auto rows = store_.due(tenant_, before, after, limit);
  return took(rows, "read what is due", "") ? std::move(*rows) : std::vector<rows::DomainRow>{};
}

std::vector<rows::Change> Shelf::current(rows::Sequence after, std::size_t limit) {
  auto rows = store_.current(after, limit);
  return took(rows, "read rows", "") ? std::move(*rows) : std::vector<rows::Change>{};
}

rows::Sequence Shelf::head() {
  const auto head = store_.head();
  if (took(head, "read the head", "")) last_head_ = *head;
  return last_head_;
}

// The first event goes with the row, so that neither is there without the other; where a policy
// ends, with its end.
bool Shelf::save(const Conclusion& conclusion, Time now) {
  const rows::DomainRow& row = conclusion.domain;
  for (const rows::EventRow& event : conclusion.events) observer_.on_event(event);
  std::size_t next = 0;
  bool ok = true;
  if (conclusion.put) {
    ok = took(store_.put_policy(row, *conclusion.put, event_at(conclusion, next++)),
              "write a policy", row.name);
  } else {
    if (conclusion.end) {
      ok = took(store_.end_policy(key(row.name), now, event_at(conclusion, next++)), "end a policy",
                row.name);
    }
    if (ok) {
      ok = took(store_.put_domain(row, event_at(conclusion, next++)), "write a domain", row.name);
    }
  }
  if (!ok) {
    hold(conclusion, conclusion.effective);
    return false;
  }
  release(row.name);
  if (conclusion.put) body_bytes_ += conclusion.put->body.size();
  for (; next < conclusion.events.size(); ++next)
    ok = took(store_.append_event(conclusion.events[next]), "write an event", row.name) && ok;
  return ok;
}

void Shelf::hold(const Conclusion& conclusion, const std::optional<rows::PolicyRow>& policy) {
  const std::string& name = conclusion.domain.name;
  release(name);
  Stored stored{conclusion.domain, policy};
  stored.domain.seq = 0;  // its times need no correction
  if (stored.policy) stored.policy->seq = 0;
  const std::size_t size = octets(stored);
  while (!held_.empty() && (held_.size() >= kHeldDomains || held_bytes_ + size > kHeldBytes)) {
    ++dropped_;
    release(std::string(held_.begin()->first));
  }
  held_bytes_ += size;
  held_.emplace(name, Held{std::move(stored)});
}

void Shelf::release(const std::string& domain) {
  const auto held = held_.find(domain);
  if (held == held_.end()) return;
  held_bytes_ -= octets(held->second.stored);
  held_.erase(held);
}

void Shelf::retry() {
  const std::size_t count = std::min(kHeldRetry, held_.size());
  for (std::size_t i = 0; i < count && !held_.empty(); ++i) {
    auto at = held_.upper_bound(retried_);
    if (at == held_.end()) at = held_.begin();
    retried_ = at->first;
    if (at->second.refused) continue;
    const auto fault = write_again(at->second.stored);
    if (!fault) {
      release(std::string(retried_));
    } else if (is_refusal(*fault)) {
      at->second.refused = true;
      ++refused_;
    } else {
      return;
    }
  }
}

// Nothing: it is written.
std::optional<store::Fault> Shelf::write_again(const Stored& stored) {
  const auto fault = [&](const auto& result) -> std::optional<store::Fault> {
    if (took(result, "write again", stored.domain.name)) return std::nullopt;
    return result.error().fault;
  };
  return stored.policy ? fault(store_.put_policy(stored.domain, *stored.policy))
                       : fault(store_.put_domain(stored.domain));
}

bool Shelf::save_row(const rows::DomainRow& row) {
  return took(store_.put_domain(row), "write a domain", row.name);
}

bool Shelf::retime(const rows::PolicyRow& policy) {
  if (scale_.misjudged(policy)) return false;
  const std::int64_t by = scale_.correction(policy.seq);
  return by != 0 && took(store_.retime_policy(key(policy.domain), policy.fetched_at + by),
                         "write a policy", policy.domain);
}

bool Shelf::save_routes(const std::string& domain, const std::vector<rows::RouteRow>& rows) {
  return took(store_.replace_routes(key(domain), rows), "write routes", domain);
}

bool Shelf::save_tlsa(const std::string& base, const std::vector<rows::TlsaRow>& rows) {
  return took(store_.replace_tlsa(key(base), rows), "write TLSA", base);
}

bool Shelf::save_failures(const std::string& domain,
                          const std::vector<rows::PolicyFailureRow>& rows) {
  return took(store_.put_failures(rows), "write failures", domain);
}

void Shelf::append(const rows::EventRow& event) {
  observer_.on_event(event);
  (void)took(store_.append_event(event), "write an event", event.domain);
}

void Shelf::touch(const std::string& domain) {
  if (touched_.size() < kTouched) touched_.insert(domain);
}

void Shelf::flush_touched(Time now) {
  if (touched_.empty()) return;
  std::vector<std::string> names;
  while (names.size() < kTouchRows && !touched_.empty()) {
    auto at = touched_.upper_bound(touched_after_);
    if (at == touched_.end()) at = touched_.begin();
    names.push_back(std::move(touched_.extract(at).value()));
    touched_after_ = names.back();
  }
  std::vector<rows::Key> keys;
  keys.reserve(names.size());
  for (const std::string& name : names) keys.push_back(key(name));
  // When it fails the questions are forgotten: they only say who is to go first when it gets tight.
  (void)took(store_.touch(keys, now), "note questions", "");
}

bool Shelf::prune(const store::PolicyBounds& bounds, Time now, const store::Pinned& pinned) {
  const auto pruned = store_.prune(bounds, now, pinned);
  return took(pruned, "prune", "") && pruned->more;
}

}  // namespace mxw::policyd
