#include "policyd/ask_access.hpp"

#include <unistd.h>

#include "core/ipc/peer.hpp"

namespace mxw::policyd {

AskAccess ask_access(const std::string& group) {
  const auto found = ipc::find_group(group);
  if (found && (::geteuid() == 0 || ::getegid() == *found || ::group_member(*found) != 0))
    return {.mode = 0660, .group = found, .note = {}};
  return {.mode = 0666,
          .group = {},
          .note = "group '" + group + "' is " + (found ? "not ours" : "not known here") +
                  ": everybody can reach the ask socket; who may ask is looked at all the same"};
}

}  // namespace mxw::policyd
