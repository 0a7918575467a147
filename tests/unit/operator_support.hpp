// An operator directory that goes away with its test, and a time to judge it by.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/base/time.hpp"

namespace mxw::operators {

inline const Time kNow = *parse_rfc3339("2026-11-21T08:00:00Z");

class Folder {
 public:
  Folder() {
    std::string path = std::filesystem::temp_directory_path() / "mxw-operator-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    path_ = path;
    std::filesystem::create_directory(path_ + "/domain");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(std::string_view name) const {
    return path_ + '/' + std::string(name);
  }
  [[nodiscard]] static std::string domain_file(std::string_view domain) {
    return "domain/" + std::string(domain) + ".json";
  }

  // As an editor that writes in place.
  void write(std::string_view name, std::string_view text, Time modified = kNow) const {
    std::ofstream(at(name), std::ios::binary | std::ios::trunc) << text;
    touch(name, modified);
  }
  // As the tool: a new file takes the place of the old one.
  void replace(std::string_view name, std::string_view text, Time modified = kNow) const {
    write(".new", text, modified);
    std::filesystem::rename(at(".new"), at(name));
  }
  void touch(std::string_view name, Time modified) const {
    const timespec time{modified.ns / kSecond, modified.ns % kSecond};
    const timespec both[2] = {time, time};
    EXPECT_EQ(utimensat(AT_FDCWD, at(name).c_str(), both, AT_SYMLINK_NOFOLLOW), 0) << name;
  }
  void remove(std::string_view name) const { std::filesystem::remove(at(name)); }
  [[nodiscard]] std::string read(std::string_view name) const {
    std::ifstream in(at(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

}  // namespace mxw::operators
