// Runs mxwarden-sensor a second time for a recorded case.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/case_file.hpp"
#include "core/base/result.hpp"

namespace mxw::cli {

// A directory under $TMPDIR (or /tmp) that is removed with everything in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Runs the sensor that stands beside this program with these arguments and waits for it; its
// messages go to standard error. The manifest of the second run, written into `folder` like its
// output. Errors: environment for a sensor that cannot be started or made no manifest.
[[nodiscard]] Result<Case> rerun(const std::vector<std::string>& arguments,
                                 const std::string& format, const std::string& folder);

}  // namespace mxw::cli
