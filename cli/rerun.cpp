#include "cli/rerun.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>

extern char** environ;

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

std::string sensor_program() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return "mxwarden-sensor";
  const std::string exe(path, static_cast<std::size_t>(n));
  return exe.substr(0, exe.rfind('/') + 1) + "mxwarden-sensor";
}

Result<int> run(const std::string& program, std::vector<std::string> arguments) {
  std::vector<char*> argv;
  std::string name = program;
  argv.push_back(name.data());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), environ);
  if (error != 0)
    return fail(ErrorKind::environment, program + ": cannot be started: " + std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return fail(ErrorKind::environment, program + ": lost: " + std::strerror(errno));
  if (!WIFEXITED(status))
    return fail(ErrorKind::environment,
                program + ": ended by signal " + std::to_string(WTERMSIG(status)));
  return WEXITSTATUS(status);
}

}  // namespace

Result<TemporaryFolder> TemporaryFolder::make() {
  const char* const base = std::getenv("TMPDIR");
  std::string path =
      std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/mxwarden-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return fail(ErrorKind::environment, path + ": cannot be made: " + std::strerror(errno));
  return TemporaryFolder(path);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, std::string())) {}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<Case> rerun(const std::vector<std::string>& arguments, const std::string& format,
                   const std::string& folder) {
  std::vector<std::string> all = arguments;
  all.push_back("--format=" + format);
  all.push_back("--output=" + folder + "/output");
  all.push_back("--manifest=" + folder + "/case.json");
  const auto status = run(sensor_program(), std::move(all));
  if (!status) return std::unexpected(status.error());
  auto made = load_case(folder + "/case.json");
  if (!made)
    return fail(ErrorKind::environment, "mxwarden-sensor ended with exit code " +
                                            std::to_string(*status) + " and made no case file");
  return made;
}

}  // namespace mxw::cli
