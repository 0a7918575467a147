#include <algorithm>
#include <tuple>
#include <utility>

#include "sensor/capture/reader.hpp"

namespace mxw::capture {

bool Merger::later(const Head& a, const Head& b) {
  return std::tie(a.packet.at.time, a.reader) > std::tie(b.packet.at.time, b.reader);
}

Merger::Merger(std::vector<std::unique_ptr<Reader>> readers) : readers_(std::move(readers)) {
  heads_.reserve(readers_.size());
  for (std::size_t reader = 0; reader < readers_.size(); ++reader) refill(reader);
}

void Merger::refill(std::size_t reader) {
  if (const auto packet = readers_[reader]->next()) {
    heads_.push_back({*packet, reader});
    std::push_heap(heads_.begin(), heads_.end(), later);
  }
}

std::optional<PacketView> Merger::next() {
  if (taken_ < readers_.size()) {
    if (heads_.empty()) return readers_[taken_]->next();  // the only one left: nothing to compare
    refill(std::exchange(taken_, SIZE_MAX));
  }
  if (heads_.empty()) return std::nullopt;
  std::pop_heap(heads_.begin(), heads_.end(), later);
  const Head head = heads_.back();
  heads_.pop_back();
  taken_ = head.reader;
  return head.packet;
}

}  // namespace mxw::capture
