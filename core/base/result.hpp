// Result<T>: how a failure of the environment or of the operator's input is told to the caller.
//
// Three kinds of trouble never mix (docs/style.md):
//   hostile or damaged input  - data: a parser returns it as flags or events, never as an Error;
//   environment, configuration - Error, returned by Result<T>;
//   our own bug                - MXW_CHECK (core/base/check.hpp) aborts.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace mxw {

// What the caller should do; the numbers of the exit codes follow from it (README.md).
enum class ErrorKind : std::uint8_t {
  usage,        // options, configuration, rule or policy file: the operator corrects it (exit 2)
  input,        // the input cannot be read or is damaged: judged up to the damage (exit 3)
  environment,  // temporary trouble: disk, socket, another process; try again (exit 4)
};

struct Error {
  ErrorKind kind = ErrorKind::environment;
  std::string message;  // one sentence, no final stop, names file and line where there is one
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace mxw
