#include "sensor/capture/reader.hpp"

#include <utility>

#include "sensor/capture/file_reader.hpp"

namespace mxw::capture {
namespace {

std::string base_name(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

void FileReader::damaged(const std::string& what, std::uint64_t offset) {
  done_ = true;
  facts_.damage = facts_.name + ": frame " + std::to_string(facts_.packets + 1) + ": " + what +
                  " at offset " + std::to_string(offset);
}

bool FileReader::ended(const std::string& what, std::uint64_t offset, bool at_boundary) {
  done_ = true;
  if (!source_->trouble().empty())
    damaged(source_->trouble(), source_->offset() + source_->available());
  else if (!at_boundary || source_->available() > 0)
    damaged(what + " goes beyond the end of the file", offset);
  return false;
}

void FileReader::finish() {
  source_->finish();
  facts_.size = source_->size();
  facts_.sha256 = source_->sha256();
}

Result<std::unique_ptr<Reader>> Reader::open(const std::string& path, std::uint16_t index,
                                             bool hash) {
  auto source = open_source(path, hash);
  if (!source) return std::unexpected(source.error());
  FileFacts facts;
  facts.name = base_name(path);
  facts.path = path;
  if (!(*source)->need(4)) {
    const std::string& why = (*source)->trouble();
    if (!why.empty()) return fail(ErrorKind::input, path + ": " + why);
    return fail(
        ErrorKind::input,
        path + ((*source)->available() == 0 ? ": is empty" : ": is too short for a capture file"));
  }
  if (is_pcapng((*source)->peek(4)))
    return open_pcapng(std::move(*source), std::move(facts), index);
  return open_pcap(std::move(*source), std::move(facts), index);
}

}  // namespace mxw::capture
