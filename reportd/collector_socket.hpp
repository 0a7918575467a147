// The datagram socket of a source: made, and read many datagrams at a time. Private to reportd.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace mxw::reportd {

struct DatagramSocketOptions {
  mode_t mode = 0660;
  std::optional<gid_t> group;
  int receive_buffer = 0;
};

// Non-blocking, with SO_PASSCRED. Mode and group stand before anybody can send: it is made under a
// name beside the path and moved onto it. A socket an earlier process left goes that way, but never
// one somebody reads, and never a file of another kind. Nothing is removed at the end.
// Errors: usage (path too long), environment.
[[nodiscard]] Result<Fd> bind_datagram(const std::string& path,
                                       const DatagramSocketOptions& options);

// The number in the file of a sysctl; nullopt: not there.
[[nodiscard]] std::optional<int> read_sysctl(const std::string& file);

// Room for kBatch datagrams, used again and again. 16 MiB of addresses; memory only where the
// datagrams are large.
class DatagramBatch {
 public:
  static constexpr std::size_t kBatch = 64;

  struct Datagram {
    std::string_view text;
    bool truncated = false;
    std::optional<ucred> sender;
  };

  DatagramBatch();
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  // How many came, at most kBatch; -1: errno.
  int receive(int fd);
  [[nodiscard]] Datagram at(std::size_t index) const;  // good until the next receive()

 private:
  struct Control {
    alignas(cmsghdr) char octets[CMSG_SPACE(sizeof(ucred))];  // a descriptor has no room
  };

  std::unique_ptr<char[]> buffer_;  // not written before a datagram is
  std::vector<mmsghdr> messages_;
  std::vector<iovec> pieces_;
  std::vector<Control> controls_;
  std::size_t used_ = kBatch;  // of messages_, by the last receive()
};

}  // namespace mxw::reportd
