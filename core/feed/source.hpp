// Source: what a FeedServer reads. Implemented by whoever owns the rows: policyd over its
// PolicyStore (same names, same meaning), the sensor over its verdicts. Called in the loop's
// thread.
#pragma once

#include <cstddef>
#include <vector>

#include "core/base/result.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

class Source {
 public:
  virtual ~Source() = default;

  // The sequence of the newest change.
  virtual Result<rows::Sequence> head() = 0;

  // Rows that hold now, ascending by sequence, at most `limit`, all above `after`; none: that was
  // all. A row changed meanwhile comes (again) with its new sequence.
  virtual Result<std::vector<rows::Change>> current(rows::Sequence after, std::size_t limit) = 0;

  // `reset`: `from` is not of this source or too old; nothing else is filled. Else at most `limit`
  // changes above `from`, ascending, and where to go on.
  struct Changes {
    bool reset = false;
    std::vector<rows::Change> rows;
    rows::Sequence head = 0;
  };
  virtual Result<Changes> changes_since(rows::Sequence from, std::size_t limit) = 0;
};

}  // namespace mxw::feed
