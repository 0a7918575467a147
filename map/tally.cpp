#include "map/tally.hpp"

#include <bit>

namespace mxw::map {
namespace {

constexpr unsigned kWordBits = 4;

template <typename Enum>
constexpr std::uint8_t octet(Enum value) {
  return static_cast<std::uint8_t>(value);
}

}  // namespace

Tally::Tally(std::size_t max_entries, std::size_t max_name_bytes)
    : max_entries_(max_entries), max_name_bytes_(max_name_bytes) {
  entries_.resize(std::bit_ceil(2 * max_entries_));
  used_.reserve(max_entries_);
  names_.reserve(max_name_bytes_);
}

// The domain and the answer in one number, never 0. The multiplier is 2^64 by the golden ratio.
std::uint64_t Tally::key_of(std::uint64_t hash, const Entry& entry) {
  const std::uint64_t answer = std::uint64_t{entry.map} << 32 | std::uint64_t{entry.kind} << 24 |
                               std::uint64_t{entry.words} << 16 | std::uint64_t{entry.basis} << 8 |
                               entry.held;
  return hash ^ ((answer + 1) * 0x9e37'79b9'7f4a'7c15ULL);
}

bool Tally::keep(Entry& place, std::string_view domain, const Entry& entry) {
  if (used_.size() >= max_entries_ || names_.size() + domain.size() > max_name_bytes_) return false;
  place = entry;
  place.name_at = static_cast<std::uint32_t>(names_.size());
  place.name_size = static_cast<std::uint8_t>(domain.size());
  names_.insert(names_.end(), domain.begin(), domain.end());
  used_.push_back(static_cast<std::uint32_t>(&place - entries_.data()));
  return true;
}

void Tally::count(std::string_view domain, std::uint64_t hash, std::size_t map, KeyKind kind,
                  const Answer& answer) {
  Entry entry;
  entry.count = 1;
  entry.map = static_cast<std::uint8_t>(map < kNoMap ? map : kNoMap);
  entry.kind = octet(kind);
  entry.words = static_cast<std::uint8_t>(octet(answer.said) << kWordBits | octet(answer.would_be));
  entry.basis = octet(answer.basis);
  entry.held = octet(answer.held);
  entry.hash = key_of(hash, entry);
  const std::size_t mask = entries_.size() - 1;
  std::size_t at = entry.hash & mask;
  for (; entries_[at].count != 0; at = (at + 1) & mask) {
    if (entries_[at].hash != entry.hash) continue;
    ++entries_[at].count;
    return;
  }
  if (!keep(entries_[at], domain, entry)) ++overflow_;
}

Tally::Line Tally::line_of(const Entry& entry) const {
  Line line;
  line.domain = {names_.data() + entry.name_at, entry.name_size};
  line.map = entry.map;
  line.kind = static_cast<KeyKind>(entry.kind);
  line.answer.said = static_cast<Word>(entry.words >> kWordBits);
  line.answer.would_be = static_cast<Word>(entry.words & ((1U << kWordBits) - 1));
  line.answer.basis = static_cast<Basis>(entry.basis);
  line.answer.held = static_cast<Held>(entry.held);
  line.count = entry.count;
  return line;
}

void Tally::for_each(const std::function<void(const Line&)>& visit) const {
  for (const std::uint32_t at : used_) visit(line_of(entries_[at]));
  if (overflow_ == 0) return;
  Line rest;
  rest.map = kNoMap;
  rest.other = true;
  rest.count = overflow_;
  visit(rest);
}

void Tally::clear() {
  for (const std::uint32_t at : used_) entries_[at] = {};
  used_.clear();
  names_.clear();
  overflow_ = 0;
}

}  // namespace mxw::map
