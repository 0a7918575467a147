// Asker: policyd as the map sees it. The program's implementation is a client of its ask socket
// (semantics 11); tests have one of their own. Everything here runs in the serving thread, never
// blocks, and false means that nothing was sent: no socket, or too much under way.
#pragma once

#include <functional>
#include <string_view>

#include "map/known.hpp"

namespace mxw::map {

class Asker {
 public:
  // Called from the loop, never from within want(), hint() or ping().
  struct Callbacks {
    // What policyd knows by now, which may be that it knows nothing (state `unknown`).
    std::function<void(std::string_view domain, const Known& known)> answered;
    std::function<void()> pong;
  };

  virtual ~Asker() = default;
  // Set once, before the first question; the callee outlives its use.
  virtual void set_callbacks(Callbacks callbacks) = 0;
  virtual bool want(std::string_view domain) = 0;  // asks for one answered()
  virtual bool hint(std::string_view domain) = 0;  // look again when there is time; no answer
  virtual bool ping() = 0;                         // asks for one pong()
};

}  // namespace mxw::map
