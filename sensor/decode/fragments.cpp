#include "sensor/decode/fragments.hpp"

#include <cstring>

#include "core/base/limits.hpp"
#include "sensor/decode/decoder.hpp"

namespace mxw::decode {
namespace {

constexpr std::uint32_t kMaxDatagram = 65'535;
// What a datagram and each of its pieces cost besides their octets: list, table and vector entries.
constexpr std::size_t kDatagramCost = 256, kPieceCost = 64;

bool is_ipv6(const Cursor& cursor) {
  return !cursor.ip.src.v4();
}

std::uint32_t size_of(Bytes bytes) {
  return static_cast<std::uint32_t>(bytes.size());
}

}  // namespace

Fragments::Fragments(HashKey key, Counters& counters)
    : counters_(counters), table_(0, KeyHash{key}) {}

std::size_t Fragments::KeyHash::operator()(const Key& key) const {
  std::array<std::uint8_t, 42> flat{};
  std::memcpy(flat.data(), key.src.octets.data(), 16);
  std::memcpy(flat.data() + 16, key.dst.octets.data(), 16);
  std::memcpy(flat.data() + 32, &key.tenant, 4);
  std::memcpy(flat.data() + 36, &key.id, 4);
  flat[40] = key.protocol;
  flat[41] = key.src.family;
  return siphash(secret, flat);
}

Fragments::Key Fragments::key_of(const Cursor& cursor) {
  const std::uint8_t protocol = is_ipv6(cursor) ? 0 : cursor.protocol;
  return {cursor.ip.src, cursor.ip.dst, cursor.ip.tenant, cursor.fragment_id, protocol};
}

// A piece that has a place in some datagram: all of it captured, not empty, of full units of 8
// octets unless it is the last one, and not beyond the largest datagram.
bool Fragments::acceptable(const Cursor& cursor) const {
  const std::size_t header = is_ipv6(cursor) ? 0 : cursor.header_length;
  if (cursor.bytes.size() != cursor.wire || cursor.bytes.empty()) return false;
  if (cursor.more_fragments && cursor.wire % 8 != 0) return false;
  return header + cursor.fragment_offset + cursor.wire <= kMaxDatagram;
}

void Fragments::remove(Order::iterator it) {
  bytes_ -= it->cost;
  table_.erase(it->key);
  order_.erase(it);
}

void Fragments::give_up_oldest() {
  if (!order_.front().dead) ++counters_.fragments_expired;
  remove(order_.begin());
}

void Fragments::make_room(Time now, std::size_t cost) {
  while (!order_.empty() && now - order_.front().first > limits::kFragmentTimeout) give_up_oldest();
  while (!order_.empty() && bytes_ + cost > limits::kFragmentBytes) give_up_oldest();
}

Fragments::Order::iterator Fragments::find_or_add(const Cursor& cursor) {
  const Key key = key_of(cursor);
  if (const auto found = table_.find(key); found != table_.end()) return found->second;
  if (order_.size() >= limits::kFragmentDatagrams) give_up_oldest();
  Datagram added;
  added.key = key;
  added.first = cursor.at.time;
  added.cost = kDatagramCost;
  bytes_ += kDatagramCost;
  order_.push_back(std::move(added));
  table_.emplace(key, std::prev(order_.end()));
  return std::prev(order_.end());
}

// Gives the datagram up but keeps its name.
void Fragments::refuse(Datagram& datagram) {
  datagram.dead = true;
  datagram.pieces = {};
  bytes_ -= datagram.cost - kDatagramCost;
  datagram.cost = kDatagramCost;
}

// False when the piece contradicts what is known of the datagram's end.
bool Fragments::fits_end(Datagram& datagram, const Cursor& cursor) const {
  const std::uint32_t end = cursor.fragment_offset + size_of(cursor.bytes);
  if (datagram.end && end > *datagram.end) return false;
  if (cursor.more_fragments) return true;
  if (datagram.end && *datagram.end != end) return false;
  if (!datagram.pieces.empty() && datagram.pieces.back().end() > end) return false;
  datagram.end = end;
  return true;
}

void Fragments::insert(Datagram& datagram, std::size_t index, std::uint32_t begin, Bytes bytes) {
  const std::size_t cost = bytes.size() + kPieceCost;
  datagram.pieces.insert(datagram.pieces.begin() + static_cast<std::ptrdiff_t>(index),
                         Piece{begin, {bytes.begin(), bytes.end()}});
  datagram.received += size_of(bytes);
  datagram.cost += cost;
  bytes_ += cost;
}

// IPv4: puts the parts of a piece where nothing stands yet.
void Fragments::fill_holes(Datagram& datagram, std::uint32_t begin, Bytes bytes) {
  bool conflict = false;
  std::uint32_t at = begin;
  const std::uint32_t end = begin + size_of(bytes);
  for (std::size_t i = 0; at < end; ++i) {
    const bool behind_all = i == datagram.pieces.size();
    const std::uint32_t hole_end = behind_all ? end : std::min(end, datagram.pieces[i].begin);
    if (at < hole_end) {
      insert(datagram, i, at, bytes.subspan(at - begin, hole_end - at));
      at = hole_end;
      continue;
    }
    const Piece& piece = datagram.pieces[i];
    if (piece.end() <= at) continue;
    const std::uint32_t stop = std::min(end, piece.end());
    conflict |= std::memcmp(piece.bytes.data() + (at - piece.begin), bytes.data() + (at - begin),
                            stop - at) != 0;
    at = stop;
  }
  if (conflict) ++counters_.fragments_conflicting;
}

// Puts the piece in its place; false when the datagram must be refused.
bool Fragments::place(Datagram& datagram, const Cursor& cursor) {
  const std::uint32_t begin = cursor.fragment_offset, end = begin + size_of(cursor.bytes);
  if (!fits_end(datagram, cursor)) return false;
  if (is_ipv6(cursor)) {
    for (const Piece& piece : datagram.pieces) {
      if (piece.end() <= begin || piece.begin >= end) continue;
      const bool repeated =
          piece.begin == begin && piece.end() == end &&
          std::memcmp(piece.bytes.data(), cursor.bytes.data(), cursor.bytes.size()) == 0;
      if (!repeated) ++counters_.fragments_conflicting;
      return repeated;
    }
  }
  if (begin == 0 && (datagram.pieces.empty() || datagram.pieces.front().begin != 0)) {
    datagram.protocol = cursor.protocol;
    datagram.ttl = cursor.ip.ttl;
    datagram.vlan = cursor.ip.vlan;
  }
  datagram.bad_header |= cursor.ip.bad_header;
  fill_holes(datagram, begin, cursor.bytes);
  return datagram.pieces.size() <= limits::kFragmentPieces;
}

void Fragments::assemble(const Datagram& datagram, Cursor& cursor) {
  assembled_.clear();
  for (const Piece& piece : datagram.pieces)
    assembled_.insert(assembled_.end(), piece.bytes.begin(), piece.bytes.end());
  cursor.bytes = assembled_;
  cursor.wire = size_of(assembled_);
  cursor.protocol = datagram.protocol;
  cursor.ip.ttl = datagram.ttl;
  cursor.ip.vlan = datagram.vlan;
  cursor.ip.bad_header = datagram.bad_header;
  cursor.ip.fragmented = true;
}

Layer Fragments::add(Cursor& cursor) {
  ++counters_.fragments;
  if (!acceptable(cursor)) {
    ++counters_.fragments_dropped;
    return Layer::done;
  }
  make_room(cursor.at.time,
            kDatagramCost + cursor.bytes.size() + kPieceCost * limits::kFragmentPieces);
  const auto it = find_or_add(cursor);
  if (it->dead || !place(*it, cursor)) {
    if (!it->dead) refuse(*it);
    ++counters_.fragments_dropped;
    return Layer::done;
  }
  if (!it->end || it->received != *it->end) return Layer::done;
  assemble(*it, cursor);
  remove(it);
  ++counters_.fragments_reassembled;
  return Layer::protocol;
}

}  // namespace mxw::decode
