#include "core/ipc/peer.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "core/base/ascii.hpp"

namespace mxw::ipc {
namespace {

constexpr std::size_t kGroups = 65'536;  // NGROUPS_MAX of Linux
constexpr std::size_t kEntryBytes = std::size_t{1}
                                    << 20;  // of passwd or group: thousands of members

std::unexpected<Error> system_error(const char* what) {
  return fail(ErrorKind::environment, std::string(what) + ": " + std::strerror(errno));
}

Result<std::vector<gid_t>> groups_of(int fd) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0) {
      groups.resize(length / sizeof(gid_t));
      return groups;
    }
    // The kernel has said how many there are.
    const std::size_t needed = length / sizeof(gid_t);
    if (errno == ENODATA) return std::vector<gid_t>{};
    if (errno != ERANGE || needed <= groups.size() || needed > kGroups)
      return system_error("SO_PEERGROUPS");
    groups.resize(needed);
  }
}

std::optional<std::uint32_t> number(const std::string& text) {
  const auto id = ascii::parse_u64(text);
  if (!id || *id >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*id);
}

// One of getpwnam_r and getgrnam_r, with as much room as its entry needs.
template <typename Entry, typename Look>
std::optional<Entry> look_up(const std::string& name, Look look, std::string& room) {
  for (std::size_t size = 4'096; size <= kEntryBytes; size *= 4) {
    room.resize(size);
    Entry entry{};
    Entry* found = nullptr;
    const int error = look(name.c_str(), &entry, room.data(), room.size(), &found);
    if (error == ERANGE) continue;
    if (error != 0 || found == nullptr) return std::nullopt;
    return entry;
  }
  return std::nullopt;
}

}  // namespace

Result<Credentials> credentials_of(int fd) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
    return system_error("SO_PEERCRED");
  // What is no unix socket answers too, with nobody.
  if (length != sizeof who || who.uid == static_cast<uid_t>(-1))
    return fail(ErrorKind::environment, "SO_PEERCRED: the other end is not known");
  auto groups = groups_of(fd);
  if (!groups) return std::unexpected(std::move(groups.error()));
  return Credentials{who.pid, who.uid, who.gid, std::move(*groups)};
}

std::optional<uid_t> find_user(const std::string& user) {
  if (!user.empty() && ascii::is_digit(user[0])) return number(user);
  std::string room;
  const auto entry = look_up<passwd>(user, ::getpwnam_r, room);
  if (!entry) return std::nullopt;
  return entry->pw_uid;
}

std::string describe(uid_t user) {
  const std::string number = "uid " + std::to_string(user);
  std::string room;
  const auto by_number = [&](const char*, passwd* entry, char* at, std::size_t size,
                             passwd** found) { return ::getpwuid_r(user, entry, at, size, found); };
  const auto entry = look_up<passwd>({}, by_number, room);
  return entry ? std::string(entry->pw_name) + " (" + number + ')' : number;
}

std::optional<gid_t> find_group(const std::string& wanted) {
  if (!wanted.empty() && ascii::is_digit(wanted[0])) return number(wanted);
  std::string room;
  const auto entry = look_up<group>(wanted, ::getgrnam_r, room);
  if (!entry) return std::nullopt;
  return entry->gr_gid;
}

PeerCheck& PeerCheck::allow_uid(uid_t uid) {
  uids_.insert(uid);
  return *this;
}
PeerCheck& PeerCheck::allow_gid(gid_t gid) {
  gids_.insert(gid);
  return *this;
}
PeerCheck& PeerCheck::allow_everybody() {
  everybody_ = true;
  return *this;
}

PeerCheck PeerCheck::from_names(const std::vector<std::string>& users,
                                const std::vector<std::string>& groups,
                                std::vector<std::string>& notes) {
  PeerCheck check;
  for (const std::string& user : users) {
    if (const auto uid = find_user(user)) {
      check.allow_uid(*uid);
    } else {
      notes.push_back("user '" + user + "' is not known here and may not connect");
    }
  }
  for (const std::string& group : groups) {
    if (const auto gid = find_group(group)) {
      check.allow_gid(*gid);
    } else {
      notes.push_back("group '" + group + "' is not known here and may not connect");
    }
  }
  return check;
}

bool PeerCheck::allows(const Credentials& peer) const {
  if (everybody_ || peer.uid == 0 || uids_.contains(peer.uid) || gids_.contains(peer.gid))
    return true;
  return std::ranges::any_of(peer.groups, [&](gid_t gid) { return gids_.contains(gid); });
}

}  // namespace mxw::ipc
