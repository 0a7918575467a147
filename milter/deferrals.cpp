#include "milter/deferrals.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/digest.hpp"

namespace mxw::milter {
namespace {

constexpr unsigned kPrefixV4 = 24, kPrefixV6 = 48;  // semantics 12

void put(std::vector<std::uint8_t>& out, Bytes part) {
  const auto size = static_cast<std::uint32_t>(part.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    out.push_back(static_cast<std::uint8_t>(size >> shift));
  out.insert(out.end(), part.begin(), part.end());
}

}  // namespace

std::size_t Deferrals::KeyHash::operator()(const Key& key) const {
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

void Deferrals::start(std::vector<std::uint8_t> key, std::span<const store::DeferralRow> rows) {
  MXW_CHECK(!key.empty());
  const std::lock_guard lock(mutex_);
  MXW_CHECK(secret_.empty());
  secret_ = std::move(key);
  for (const store::DeferralRow& row : rows.first(std::min(rows.size(), bound_))) {
    if (index_.contains(row.key)) continue;
    entries_.push_front({row.key, row.first, row.last, row.count});
    index_.emplace(row.key, entries_.begin());
  }
}

bool Deferrals::usable() const {
  const std::lock_guard lock(mutex_);
  return !secret_.empty();
}

IpAddress Deferrals::prefix(const IpAddress& client) {
  return masked(client, client.v4() ? kPrefixV4 : kPrefixV6);
}

// Each part stands behind its length: no two mails have the same octets.
Deferrals::Key Deferrals::key(const std::optional<IpAddress>& client, std::string_view sender,
                              std::string_view recipient) const {
  std::vector<std::uint8_t> secret;
  {
    const std::lock_guard lock(mutex_);
    secret = secret_;
  }
  MXW_CHECK(!secret.empty());
  std::vector<std::uint8_t> message;
  message.reserve(sender.size() + recipient.size() + 32);
  const IpAddress network = client ? prefix(*client) : IpAddress();
  put(message, client ? network.bytes() : Bytes());
  put(message, as_bytes(sender));
  put(message, as_bytes(recipient));
  return hmac_sha256(secret, message);
}

void Deferrals::ask_stored(std::function<bool()> stored) {
  const std::lock_guard lock(mutex_);
  stored_ = std::move(stored);
}

bool Deferrals::has_room(Time now) const {
  if (stored_ && !stored_()) return false;
  if (entries_.size() < bound_) return true;
  return !entries_.empty() && now - entries_.front().last > kKept;
}

Deferrals::Known Deferrals::known(const Key& key, Time now) const {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  // Kept longer than it counts only because nothing pushed it out: the same as forgotten.
  if (found == index_.end() || now - found->second->last > kKept) return {{}, has_room(now)};
  return {found->second->first, true};
}

std::optional<store::DeferralRow> Deferrals::note(const Key& key, Time now) {
  const std::lock_guard lock(mutex_);
  auto found = index_.find(key);
  if (found != index_.end() && now - found->second->last > kKept) {
    entries_.erase(found->second);
    index_.erase(found);
    found = index_.end();
  }
  if (found == index_.end()) {
    if (!has_room(now)) return std::nullopt;
    if (entries_.size() >= bound_) {
      index_.erase(entries_.front().key);
      entries_.pop_front();
    }
    entries_.push_back({key, now, now, 0});
    found = index_.emplace(key, std::prev(entries_.end())).first;
  }
  Entry& entry = *found->second;
  entry.last = std::max(entry.last, now);
  ++entry.count;
  entries_.splice(entries_.end(), entries_, found->second);
  store::DeferralRow row;
  row.key = key;
  row.first = entry.first;
  row.last = entry.last;
  row.count = entry.count;
  return row;
}

std::size_t Deferrals::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace mxw::milter
