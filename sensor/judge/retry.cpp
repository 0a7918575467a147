#include "sensor/judge/retry.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/base/limits.hpp"

namespace mxw::judge {

std::string_view name(Failure failure) {
  switch (failure) {
    case Failure::refused:
      return "refused";
    case Failure::reset:
      return "reset";
    case Failure::alert:
      return "alert";
    case Failure::not_tls:
      return "not_tls";
    case Failure::timeout:
      return "timeout";
    case Failure::no_reply:
      break;
  }
  return "no_reply";
}

std::optional<Failure> failure_of(const evidence::SessionEvidence& s) {
  if (s.tls.completed || s.mail_accepted_in_clear) return std::nullopt;
  if (!s.starttls.sent && !s.implicit_tls) return std::nullopt;
  if (s.starttls.sent && s.starttls.reply_code != 0 && s.starttls.reply_code != 220)
    return Failure::refused;
  const bool fatal = std::any_of(s.tls.alerts.begin(), s.tls.alerts.end(),
                                 [](const evidence::TlsAlert& a) { return a.level == 2; });
  if (fatal) return Failure::alert;
  if (s.tls.client_not_tls || s.tls.server_not_tls) return Failure::not_tls;
  switch (s.ended) {
    case evidence::Ended::rst:
      return Failure::reset;
    case evidence::Ended::timeout:
      return Failure::timeout;
    case evidence::Ended::fin:
      return Failure::no_reply;
    default:
      return std::nullopt;  // the end was not seen: nothing failed for sure
  }
}

std::size_t RetryMemory::Hash::operator()(const std::string& text) const {
  return siphash(key, as_bytes(text));
}

void RetryMemory::remember(const std::string& key, const FailedTls& failure) {
  auto [place, fresh] = table_.try_emplace(key);
  place->second.failure = failure;
  if (!fresh) {
    order_.splice(order_.end(), order_, place->second.place);
    return;
  }
  place->second.place = order_.insert(order_.end(), key);
  if (table_.size() <= limits::kRetryKeys) return;
  table_.erase(order_.front());
  order_.pop_front();
}

void RetryMemory::forget(const std::string& key) {
  const auto found = table_.find(key);
  if (found == table_.end()) return;
  order_.erase(found->second.place);
  table_.erase(found);
}

const FailedTls* RetryMemory::find(const std::string& key, std::uint64_t not_session,
                                   Time now) const {
  const auto found = table_.find(key);
  if (found == table_.end()) return nullptr;
  const FailedTls& failure = found->second.failure;
  // The failed connection came first; its end may lie behind the start of the next.
  const std::int64_t since = now - failure.started;
  if (failure.session == not_session || since < 0 || since > limits::kRetryMemory) return nullptr;
  return &failure;
}

}  // namespace mxw::judge
