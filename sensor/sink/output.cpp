#include "sensor/sink/output.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace mxw::sink {
namespace {

constexpr std::size_t kBuffer = 1 << 20;

}  // namespace

Result<Output> Output::open(const std::string& path, bool hash) {
  if (path == "-") return Output(stdout, false, hash);
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr)
    return fail(ErrorKind::environment, path + ": cannot be written: " + std::strerror(errno));
  return Output(file, true, hash);
}

Output::Output(std::FILE* file, bool owned, bool hash) : file_(file), owned_(owned) {
  std::setvbuf(file_, nullptr, _IOFBF, kBuffer);
  if (hash) hash_.emplace();
}

Output::Output(Output&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      owned_(other.owned_),
      failed_(other.failed_),
      hash_(std::move(other.hash_)) {}

Output::~Output() {
  if (file_ != nullptr && owned_) std::fclose(file_);
}

void Output::write(std::string_view text) {
  if (hash_) hash_->update(as_bytes(text));
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) failed_ = true;
}

bool Output::finish() {
  if (std::fflush(file_) != 0) failed_ = true;
  return !failed_;
}

std::string Output::sha256() {
  return hex(hash_->finish());
}

}  // namespace mxw::sink
