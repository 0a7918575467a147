// What a program does for itself where no service manager does it: run as a user, leave its number.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "core/base/result.hpp"

namespace mxw::service {

struct OwnFolder {
  std::string path;
  mode_t mode = 0700;
};

// Makes `folders` where they are missing and gives them to `user` (a name, or a number), then
// becomes that user with its groups, for good. The caller may already be it; else it is root.
// May ask a directory service. REQUIRES: no thread but this one.
// Error: usage (no such user), environment (we are not root).
[[nodiscard]] Result<void> become(const std::string& user, std::span<const OwnFolder> folders);

// `path` with the number of this process, as init scripts read it; removed at the end where that is
// still allowed. An empty path is none.
class PidFile {
 public:
  PidFile() = default;
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  // Error (environment): it cannot be written; a symbolic link is not followed.
  [[nodiscard]] Result<void> write(const std::string& path);

 private:
  std::string path_;
};

}  // namespace mxw::service
