// FlatIndex: finds the place of a value in a vector by the hash of its key; open addressing with
// linear probing, nothing allocated per entry. The values stay with the caller, who compares keys.
// Hashes come from a keyed function (SipHash), since strangers choose the keys. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace mxw::reportd {

class FlatIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // The place with that hash for which equal(place) holds, else kNone.
  template <typename Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal equal) const {
    if (cells_.empty()) return kNone;
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Cell& cell = cells_[at];
      if (cell.place == kNone) return kNone;
      if (cell.hash == hash && equal(cell.place)) return cell.place;
    }
  }
  // REQUIRES: find() says kNone.
  void insert(std::uint64_t hash, std::uint32_t place) {
    if (size_ * 2 >= cells_.size()) grow();
    put({hash, place});
    ++size_;
  }
  void clear() {
    if (cells_.size() > kKept)
      cells_ = {};
    else
      cells_.assign(cells_.size(), {});
    size_ = 0;
  }
  [[nodiscard]] std::size_t bytes() const { return cells_.size() * sizeof(Cell); }

 private:
  struct Cell {
    std::uint64_t hash = 0;
    std::uint32_t place = kNone;
  };
  static constexpr std::size_t kFirst = 1'024, kKept = 1 << 16;

  [[nodiscard]] std::size_t mask() const { return cells_.size() - 1; }
  void put(Cell cell) {
    std::size_t at = cell.hash & mask();
    while (cells_[at].place != kNone) at = (at + 1) & mask();
    cells_[at] = cell;
  }
  void grow() {
    const std::vector<Cell> old = std::move(cells_);
    cells_.assign(old.empty() ? kFirst : old.size() * 2, {});
    for (const Cell& cell : old) {
      if (cell.place != kNone) put(cell);
    }
  }

  std::vector<Cell> cells_;
  std::size_t size_ = 0;
};

}  // namespace mxw::reportd
