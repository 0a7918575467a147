// A small regular file, read whole, and what tells that it is another than before. Links are not
// followed and nothing is waited for: whoever may write here can put a pipe or a device in place.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "core/base/time.hpp"

namespace mxw::operators {

// Times are the kernel's, whose clock ticks in milliseconds: two changes within a tick look alike.
struct Stamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  Time modified, changed;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};
[[nodiscard]] Stamp stamp_of(const struct stat& status);

// Whether a change right after this stamp was taken, at `taken`, could leave the stamp as it is.
[[nodiscard]] bool may_hide_a_change(const Stamp& stamp, Time taken);

enum class ReadOutcome : std::uint8_t {
  text,     // read whole
  absent,   // nothing of that name
  refused,  // link, no regular file, too large, not allowed: `text` says why
  trouble,  // out of descriptors or memory: says nothing about the file
};

struct SmallFile {
  ReadOutcome outcome = ReadOutcome::absent;
  std::string text;
  Stamp stamp;  // of `text` and `refused`
};
[[nodiscard]] SmallFile read_small_file(int directory, const char* name);

}  // namespace mxw::operators
