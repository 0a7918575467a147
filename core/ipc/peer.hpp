// Who is at the other end of a unix socket, by the kernel's word, and whether they may be there.
//
// Credentials are those of the time of connect() (unix(7), SO_PEERCRED and SO_PEERGROUPS). Values;
// names are resolved by from_names() alone, at start: that may block on a directory service.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::ipc {

struct Credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

// Error (environment) on what is no connected unix socket.
[[nodiscard]] Result<Credentials> credentials_of(int fd);

// Root is always allowed, nobody else until named.
class PeerCheck {
 public:
  PeerCheck& allow_uid(uid_t uid);
  PeerCheck& allow_gid(gid_t gid);  // as primary or supplementary group
  PeerCheck& allow_everybody();     // the socket's mode alone decides

  // Users and groups by number or name. A name the system does not know is left out, and `notes`
  // gets one sentence about it.
  [[nodiscard]] static PeerCheck from_names(const std::vector<std::string>& users,
                                            const std::vector<std::string>& groups,
                                            std::vector<std::string>& notes);

  [[nodiscard]] bool allows(const Credentials& peer) const;

 private:
  bool everybody_ = false;
  std::set<uid_t> uids_;
  std::set<gid_t> gids_;
};

// For logs and events: `alice (uid 1000)`, or `uid 1000` where the system has no name for it. May
// block on a directory service, as from_names().
[[nodiscard]] std::string describe(uid_t user);

// A number below 2^32 - 1 as it is, a name as the system resolves it.
[[nodiscard]] std::optional<uid_t> find_user(const std::string& user);
[[nodiscard]] std::optional<gid_t> find_group(const std::string& group);

}  // namespace mxw::ipc
