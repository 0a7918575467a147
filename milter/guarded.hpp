// The border of a session: nothing thrown crosses it. Only for session*.cpp.
#pragma once

#include "milter/session.hpp"

namespace mxw::milter {

// False: the callback failed, which is counted.
template <typename Callback>
bool Session::guarded(Stage stage, Callback&& callback) {
  try {
    callback();
    return true;
  } catch (...) {
  }
  try {
    shared_.recorder.internal_error(stage);
  } catch (...) {  // no memory to count it: the mail matters more
  }
  return false;
}

}  // namespace mxw::milter
