#include "map/table.hpp"

#include <bit>
#include <utility>

#include "core/base/check.hpp"

namespace mxw::map {
namespace {

constexpr std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

Table::Table(HashKey key, std::size_t max_rows) : key_(key) {
  MXW_CHECK(max_rows > 0 && max_rows < std::size_t{1} << 31);
  slots_.resize(std::bit_ceil(max_rows + max_rows / 2));  // at most two thirds full
  mask_ = slots_.size() - 1;
  rows_.resize(max_rows);
  free_.reserve(max_rows);
  for (std::size_t row = max_rows; row > 0; --row) free_.push_back(static_cast<std::uint32_t>(row));
}

std::size_t Table::seek(std::string_view domain, std::uint64_t hash) const {
  std::size_t at = home(hash);
  for (; slots_[at].row != 0; at = next(at)) {
    if (slots_[at].tag == tag_of(hash) && rows_[slots_[at].row - 1].domain == domain) break;
  }
  return at;
}

const Table::Row* Table::find(std::string_view domain, std::uint64_t hash) const {
  const Slot& slot = slots_[seek(domain, hash)];
  return slot.row == 0 ? nullptr : &rows_[slot.row - 1];
}

bool Table::put(std::string_view domain, Compiled facts) {
  MXW_CHECK(!domain.empty());
  const std::uint64_t hash = this->hash(domain);
  Slot& slot = slots_[seek(domain, hash)];
  if (slot.row != 0) {
    rows_[slot.row - 1].facts = std::move(facts);
    return true;
  }
  if (free_.empty()) return false;
  slot = {free_.back(), tag_of(hash)};
  free_.pop_back();
  ++size_;
  Row& row = rows_[slot.row - 1];
  row.domain = domain;
  row.facts = std::move(facts);
  row.hash = hash;
  return true;
}

void Table::erase(std::string_view domain) {
  const std::size_t at = seek(domain, hash(domain));
  const std::uint32_t row = slots_[at].row;
  if (row == 0) return;
  rows_[row - 1] = Row{};
  free_.push_back(row);
  --size_;
  close_gap(at);
}

// Moves back what a search would no longer reach over the gap, so that no marks of the dead remain.
void Table::close_gap(std::size_t gap) {
  for (std::size_t at = next(gap); slots_[at].row != 0; at = next(at)) {
    const std::size_t wanted = home(rows_[slots_[at].row - 1].hash);
    // Distances from the row's home, around the end of the table.
    if (((at - wanted) & mask_) < ((at - gap) & mask_)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = {};
}

void Table::clear() {
  for (Slot& slot : slots_) {
    if (slot.row == 0) continue;
    rows_[slot.row - 1] = Row{};
    free_.push_back(slot.row);
    slot = {};
  }
  size_ = 0;
}

}  // namespace mxw::map
