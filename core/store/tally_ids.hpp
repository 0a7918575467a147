// TallyIds: where the tallies of the last commits stand, so that a second that adds to the same
// ones as the one before need not look them up. Known by a keyed hash of 128 bits of the whole key.
// Who uses it clears it when rows may have gone, or when what put() told was rolled back. Private
// to core/store. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/base/siphash.hpp"
#include "core/store/report_rows.hpp"

namespace mxw::store {

class TallyIds {
 public:
  static constexpr std::size_t kMost = 65'536;  // 4 MB

  struct Tally {
    std::int64_t id = 0;
    std::uint64_t failures = 0;  // rows
  };

  [[nodiscard]] Hash128 hash_of(const TallyKey& key) {
    text_.assign(reinterpret_cast<const char*>(&key.tenant), sizeof key.tenant);
    text_.append(reinterpret_cast<const char*>(&key.day), sizeof key.day);
    for (const std::string* part : {&key.source, &key.domain, &key.type, &key.strings}) {
      const std::size_t size = part->size();
      text_.append(reinterpret_cast<const char*>(&size), sizeof size);
      text_ += *part;
    }
    text_ += key.mx_hosts;
    return siphash128(key_, as_bytes(text_));
  }
  // nullptr: not known. Good until the next put().
  [[nodiscard]] Tally* find(const Hash128& hash) {
    const auto at = entries_.find(hash.first);
    const bool known = at != entries_.end() && at->second.check == hash.second;
    return known ? &at->second.tally : nullptr;
  }
  Tally* put(const Hash128& hash, const Tally& tally) {
    if (entries_.size() >= kMost) entries_.clear();
    Entry& entry = entries_[hash.first];
    entry = {hash.second, tally};
    return &entry.tally;
  }
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    std::uint64_t check = 0;
    Tally tally;
  };

  HashKey key_ = random_hash_key();
  std::string text_;
  std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace mxw::store
