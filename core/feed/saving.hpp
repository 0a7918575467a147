// Replica::Saving: the cache file of a Replica, written slice by slice, so that the thread of the
// replica has its turns between them whatever the size, and without a second copy of anything.
//
// The replica may change meanwhile: the file then has some rows as they were at the beginning and
// some as they are at the end. It begins with the sequence of the beginning, so that a reader that
// starts from it is told every change since, and a row that is told twice is the same row. It is
// overtaken when that does not hold: everything is being told anew; or when a table has been built
// anew, so that what was written already cannot be known.
//
// The replica outlives it. At most one for a path at a time. Without an end nothing is left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/feed/replica.hpp"
#include "core/feed/row_file.hpp"

namespace mxw::feed {

class Replica::Saving {
 public:
  enum class Step : std::uint8_t { more, done, overtaken };
  static constexpr std::size_t kSlice = std::size_t{256} << 10;  // octets: a few milliseconds
  static constexpr std::size_t kPlaces = 16'384;                 // of a table, most of them empty

  // Error (environment).
  static Result<std::unique_ptr<Saving>> begin(Replica& replica, const std::string& path);
  ~Saving();
  Saving(const Saving&) = delete;
  Saving& operator=(const Saving&) = delete;

  // Writes about kSlice octets, at most one domain's rows more. Not to be called after anything but
  // `more`. Error (environment): the old file stands.
  Result<Step> step();

 private:
  Saving(Replica& replica, RowFileWriter file);
  [[nodiscard]] bool overtaken() const;
  template <typename Table, typename Put>
  bool write_some(const Table& table, std::size_t& next, Put put);
  void put_domain(const DomainEntry& entry);

  Replica& replica_;
  RowFileWriter file_;
  const std::uint32_t round_;
  const std::size_t domain_places_, tlsa_places_;
  std::size_t next_domain_ = 0, next_tlsa_ = 0;  // places of the tables
  bool done_ = false;
};

}  // namespace mxw::feed
