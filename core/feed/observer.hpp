// Observer: what a FeedReader tells. All calls come in the reader's thread and must not destroy it.
//
//   on_state(true)
//   [ on_reset()  on_change()...  on_end(head) ]   all rows anew; the old ones hold until on_end()
//   on_change()...                                 each change after its commit
//   on_batch()                                     the lines there were are told, for now
//   on_state(false)                                what was told before still holds
#pragma once

#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_reset() = 0;
  virtual void on_change(const rows::Change& change) = 0;
  virtual void on_end(rows::Sequence head) = 0;
  virtual void on_batch() {}
  virtual void on_state(bool connected) = 0;
};

}  // namespace mxw::feed
