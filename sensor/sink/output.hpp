// Output: where lines go; counts nothing, keeps an SHA-256 of every octet when asked (for
// --manifest).
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "core/base/digest.hpp"
#include "core/base/result.hpp"

namespace mxw::sink {

class Output {
 public:
  // `-` is standard output.
  static Result<Output> open(const std::string& path, bool hash);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();

  void write(std::string_view text);
  // Flushes; false when anything could not be written (disk full, closed pipe).
  [[nodiscard]] bool finish();
  [[nodiscard]] std::string
  sha256();  // hex; REQUIRES: opened with hash, once, after the last write

 private:
  Output(std::FILE* file, bool owned, bool hash);
  std::FILE* file_ = nullptr;
  bool owned_ = false, failed_ = false;
  std::optional<Sha256Stream> hash_;
};

}  // namespace mxw::sink
