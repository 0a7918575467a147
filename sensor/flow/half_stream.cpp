#include "sensor/flow/half_stream.hpp"

#include <algorithm>

#include "core/base/limits.hpp"

namespace mxw::flow {

void HalfStream::start(Seq first) {
  started_ = true;
  first_ = next_ = gap_begin_ = gap_end_ = first;
}

void HalfStream::skip_to(Seq next) {
  if (!before(next_, next)) return;
  offset_ += static_cast<std::uint64_t>(distance(next, next_));
  next_ = gap_begin_ = gap_end_ = next;
  forget_retained();
}

// Frees the memory too: most of a connection's life nothing is retained.
void HalfStream::forget_retained() {
  retained_ = {};
}

void HalfStream::deliver(Bytes bytes, bool retain) {
  next_ += static_cast<Seq>(bytes.size());
  offset_ += bytes.size();
  if (!retain) {
    forget_retained();
    return;
  }
  const std::size_t keep = std::min(bytes.size(), limits::kRetainedBytes);
  const std::size_t total = retained_.size() + keep;
  if (total > limits::kRetainedBytes)
    retained_.erase(retained_.begin(), retained_.begin() + static_cast<std::ptrdiff_t>(
                                                               total - limits::kRetainedBytes));
  const Bytes tail = bytes.last(keep);
  retained_.insert(retained_.end(), tail.begin(), tail.end());
}

void HalfStream::pass_missing(std::uint32_t length) {
  next_ += length;
  offset_ += length;
  retained_.clear();
}

void HalfStream::give_up(std::uint32_t length) {
  gap_begin_ = next_;
  gap_end_ = next_ + length;
  pass_missing(length);
}

std::uint32_t HalfStream::in_last_gap(Seq seq, std::uint32_t length) const {
  const Seq from = before(seq, gap_begin_) ? gap_begin_ : seq;
  const Seq end = seq + length;
  const Seq to = before(end, gap_end_) ? end : gap_end_;
  return before(from, to) ? static_cast<std::uint32_t>(distance(to, from)) : 0;
}

void HalfStream::presume_fin() {
  finish();
  presumed_fin_ = true;
}

void HalfStream::reopen() {
  finished_ = presumed_fin_ = false;
  --next_;
}

void HalfStream::finish() {
  if (finished_) return;
  finished_ = true;
  ++next_;
}

bool HalfStream::conflicts_with_retained(Seq seq, Bytes bytes, Conflict& conflict) const {
  const Seq data_end = finished_ ? next_ - 1 : next_;
  const auto first_retained = data_end - static_cast<Seq>(retained_.size());
  std::size_t skip = 0;
  if (before(seq, first_retained)) skip = static_cast<std::size_t>(distance(first_retained, seq));
  if (skip >= bytes.size() || !before(seq + static_cast<Seq>(skip), data_end)) return false;
  const auto from =
      static_cast<std::size_t>(distance(seq + static_cast<Seq>(skip), first_retained));
  const std::size_t n = std::min(bytes.size() - skip, retained_.size() - from);
  const Bytes kept = Bytes(retained_).subspan(from, n);
  const Bytes other = bytes.subspan(skip, n);
  const auto [a, b] = std::mismatch(kept.begin(), kept.end(), other.begin());
  if (a == kept.end()) return false;
  const auto at = static_cast<std::size_t>(a - kept.begin());
  conflict = {offset_ - retained_.size() + from + at, kept.subspan(at), other.subspan(at)};
  return true;
}

namespace {

// The octets [from, to) of a segment as a segment of its own.
Waiting piece_of(const Waiting& whole, Seq from, Seq to) {
  const auto begin = static_cast<std::size_t>(distance(from, whole.seq));
  const auto end = static_cast<std::size_t>(distance(to, whole.seq));
  const std::size_t have = whole.data.size();
  Waiting piece{.seq = from,
                .ack = whole.ack,
                .has_ack = whole.has_ack,
                .fin = false,
                .data = {},
                .missing = 0,
                .at = whole.at};
  if (begin < have)
    piece.data.assign(whole.data.begin() + static_cast<std::ptrdiff_t>(begin),
                      whole.data.begin() + static_cast<std::ptrdiff_t>(std::min(end, have)));
  piece.missing = static_cast<std::uint32_t>(end - begin - piece.data.size());
  return piece;
}

// True when two waiting copies of the same octets differ; `at` is the first such octet.
bool copies_differ(const Waiting& a, const Waiting& b, Seq& at) {
  const Seq from = before(a.seq, b.seq) ? b.seq : a.seq;
  const Seq a_end = a.seq + static_cast<Seq>(a.data.size());
  const Seq b_end = b.seq + static_cast<Seq>(b.data.size());
  const Seq to = before(a_end, b_end) ? a_end : b_end;
  if (!before(from, to)) return false;
  const auto n = static_cast<std::size_t>(distance(to, from));
  const Bytes in_a = Bytes(a.data).subspan(static_cast<std::size_t>(distance(from, a.seq)), n);
  const Bytes in_b = Bytes(b.data).subspan(static_cast<std::size_t>(distance(from, b.seq)), n);
  const auto different = std::mismatch(in_a.begin(), in_a.end(), in_b.begin()).first;
  at = from + static_cast<Seq>(different - in_a.begin());
  return different != in_a.end();
}

}  // namespace

bool HalfStream::hold(Waiting segment, Conflict& conflict) {
  bool differs = false;
  Seq from = segment.seq;
  const Seq to = segment.seq + static_cast<Seq>(segment.data.size()) + segment.missing;
  std::vector<Waiting> pieces;
  for (const Waiting& old : waiting_) {
    if (!before(old.seq, to)) break;
    if (!before(from, old.end())) continue;
    Seq at = 0;
    if (!differs && copies_differ(old, segment, at)) {
      differs = true;
      conflict = {offset_ + static_cast<std::uint64_t>(distance(at, next_)), {}, {}};
    }
    if (before(from, old.seq)) pieces.push_back(piece_of(segment, from, old.seq));
    if (before(from, old.end())) from = old.end();
  }
  if (before(from, to) || (segment.fin && from == to)) {
    pieces.push_back(from == segment.seq ? std::move(segment) : piece_of(segment, from, to));
    pieces.back().fin = segment.fin;
  }
  for (Waiting& piece : pieces) {
    buffered_ += piece.data.size();
    const auto place =
        std::lower_bound(waiting_.begin(), waiting_.end(), piece.seq,
                         [](const Waiting& w, Seq seq) { return before(w.seq, seq); });
    waiting_.insert(place, std::move(piece));
  }
  return differs;
}

Waiting HalfStream::take_front() {
  Waiting front = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  buffered_ -= front.data.size();
  return front;
}

void HalfStream::drop_waiting() {
  waiting_ = {};
  buffered_ = 0;
}

}  // namespace mxw::flow
