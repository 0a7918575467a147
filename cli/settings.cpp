#include "cli/settings.hpp"

#include <unistd.h>

#include "core/config/load.hpp"

namespace mxw::cli {

Result<config::Config> settings(const Given& given) {
  if (given.has("config")) return config::load(given.text("config"));
  if (access(config::kDefaultPath, F_OK) != 0) return config::Config{};
  return config::load(config::kDefaultPath);
}

Result<std::string> operator_dir(const Given& given) {
  if (given.has("operator-dir")) return given.text("operator-dir");
  const auto loaded = settings(given);
  if (loaded) return loaded->paths.operator_dir;
  Error error = loaded.error();
  error.message += "; --operator-dir DIR works without settings";
  return std::unexpected(std::move(error));
}

}  // namespace mxw::cli
