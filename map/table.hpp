// The serving thread's table: domain -> what is known, ready to be answered from.
//
// Open addressing with a keyed hash, since strangers choose the names. All memory of rows is taken
// when the table is made, so that it does not grow in the middle of traffic; only names and replies
// are allocated, with their row. A look-up never changes the table: domains that are asked for and
// not known cost nothing. Which rows there are is their owner's matter (policyd, semantics 11).
// Not thread-safe: one thread fills and reads it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/siphash.hpp"
#include "map/answer.hpp"
#include "map/limits.hpp"

namespace mxw::map {

class Table {
 public:
  struct Row {
    std::string domain;  // empty: the row is free
    Compiled facts;
    std::uint64_t hash = 0;
  };

  // REQUIRES: 0 < max_rows < 2^31.
  explicit Table(HashKey key, std::size_t max_rows = limits::kRows);

  [[nodiscard]] std::uint64_t hash(std::string_view domain) const {
    return siphash(key_, as_bytes(domain));
  }
  // Null when the domain is not known. Valid until the table is changed. `hash` is its hash().
  [[nodiscard]] const Row* find(std::string_view domain, std::uint64_t hash) const;
  [[nodiscard]] const Row* find(std::string_view domain) const {
    return find(domain, hash(domain));
  }

  // Sets the row of a domain. False: the table is full and the domain is not in it.
  // REQUIRES: `domain` is a lower-case A-label.
  bool put(std::string_view domain, Compiled facts);
  void erase(std::string_view domain);
  void clear();
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t row = 0;  // from 1; 0 = free
    std::uint32_t tag = 0;  // of the hash, so that most misses end here
  };

  [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & mask_; }
  [[nodiscard]] std::size_t next(std::size_t slot) const { return (slot + 1) & mask_; }
  // The slot of the domain, or the free one where its search ended.
  [[nodiscard]] std::size_t seek(std::string_view domain, std::uint64_t hash) const;
  void close_gap(std::size_t gap);

  HashKey key_;
  std::size_t mask_ = 0, size_ = 0;
  std::vector<Slot> slots_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> free_;
};

}  // namespace mxw::map
