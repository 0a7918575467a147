// OperatorWatch: the operator files, read again within a second of a change.
//
// Every kPeriod it asks for the times of directory and files and reads only what changed: a rename
// shows in the directory's times, an edit in place in the file's (at most kChecksPerTurn files a
// turn are asked, in rotation). The callback runs in the loop's thread, from a timer, when the
// state is another, or a brake's end has come; never from the constructor. A directory or file that
// cannot be read for want of resources leaves what held before, and is read again at the next turn.
//
// What has no effect or cannot be read must not be so in silence: on_notes() tells the lines for
// the log (core/operator/note_teller.hpp), the first from within the call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/event_loop.hpp"
#include "core/base/time.hpp"
#include "core/operator/note_teller.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {

class Scanner;

class OperatorWatch {
 public:
  static constexpr std::int64_t kPeriod = 1 * kSecond;  // semantics 11
  static constexpr std::size_t kChecksPerTurn = 4'096;  // some 10 ms

  using Callback = std::function<void(std::shared_ptr<const OperatorState>)>;
  using Clock = std::function<Time()>;  // default: the wall clock
  using Tell = std::function<void(const std::string& line)>;

  // Reads the files at once; current() is what they said. Destroyed before its loop.
  OperatorWatch(EventLoop& loop, std::string dir, Callback on_change, Clock clock = {});
  ~OperatorWatch();
  OperatorWatch(const OperatorWatch&) = delete;
  OperatorWatch& operator=(const OperatorWatch&) = delete;

  [[nodiscard]] std::shared_ptr<const OperatorState> current() const { return state_; }
  void look();  // now, as the timer does
  void on_notes(Tell tell);

 private:
  void turn();
  void take();
  void tell_notes();

  const std::string dir_;
  std::unique_ptr<Scanner> scanner_;
  Callback on_change_;
  Clock clock_;
  std::shared_ptr<const OperatorState> state_;
  Time last_, next_end_;  // of the look before; of the brake that ends first after it
  NoteTeller teller_;
  Tell tell_;
  Timer timer_;
};

}  // namespace mxw::operators
