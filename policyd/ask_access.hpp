// Who may connect to the ask socket by the rights of its file. The kernel is asked for every peer
// besides (`policyd.ask_users`), so that these rights only keep strangers from trying.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace mxw::policyd {

struct AskAccess {
  mode_t mode = 0660;
  std::optional<gid_t> group;
  std::string note;  // for the log; empty: as the settings want it
};

// `group` (`policyd.ask_group`) must be known here, and one this process is in. Otherwise 0660
// would keep out map and milter, whose users have groups of their own: everybody may connect then.
[[nodiscard]] AskAccess ask_access(const std::string& group);

}  // namespace mxw::policyd
