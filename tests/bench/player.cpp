#include "tests/bench/player.hpp"

#include <algorithm>
#include <utility>

#include "tests/bench/wire.hpp"

namespace mxw::bench {
namespace {

constexpr std::size_t kSegment = 1'448;  // payload on a path of 1,500 octets with timestamps
// A recorded session lasts some tens of milliseconds on a bridge; on the Internet it takes seconds.
constexpr std::int64_t kSlower = 100;
constexpr std::int64_t kSegmentGap = kMillisecond;

std::uint64_t sum_words(std::uint64_t sum, Bytes octets) {
  std::size_t i = 0;
  for (; i + 1 < octets.size(); i += 2)
    sum += static_cast<std::uint64_t>(octets[i]) << 8 | octets[i + 1];
  if (i < octets.size()) sum += static_cast<std::uint64_t>(octets[i]) << 8;
  return sum;
}

std::uint64_t checksum_of(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

// Wherever the octets of one address stand, in the IP header or in a DNS answer, the other's go.
void replace_all(std::span<std::uint8_t> in, const Octets& from, const Octets& to) {
  auto at = in.begin();
  while ((at = std::search(at, in.end(), from.begin(), from.end())) != in.end())
    at = std::copy(to.begin(), to.end(), at);
}

Octets with_chain(const Script& script, const Octets& payload, const Octets& chain) {
  constexpr std::uint8_t kHandshake = 22, kCertificate = 11;
  const auto from = payload.begin() + static_cast<std::ptrdiff_t>(script.certificate_at);
  Octets out(payload.begin(), from);
  append(out, kHandshake, 1);
  append(out, 0x0303, 2);
  append(out, chain.size() + 4, 2);
  append(out, kCertificate, 1);
  append(out, chain.size(), 3);
  out.insert(out.end(), chain.begin(), chain.end());
  out.insert(out.end(), from + static_cast<std::ptrdiff_t>(*script.certificate_length),
             payload.end());
  return out;
}

}  // namespace

Player::Player(Copy copy) : copy_(std::move(copy)), sequence_(copy_.first_sequence) {
  enter_step();
}

// Puts the payload of the step together, skipping datagrams that are not to be played.
void Player::enter_step() {
  const Script& script = *copy_.script;
  while (!done() && copy_.one_query && !script.steps[step_].tcp && datagrams_ >= 2) ++step_;
  if (done()) return;
  const Step& step = script.steps[step_];
  time_ = copy_.start + step.offset * kSlower + later_;
  sent_ = unanswered_ = 0;
  const bool chain = copy_.chain != nullptr && script.certificate_length;
  payload_ = chain && step_ == script.certificate_step
                 ? with_chain(script, step.payload, *copy_.chain)
                 : step.payload;
  if (script.body != Body::none && step_ == script.body_step)
    payload_.insert(payload_.begin() + static_cast<std::ptrdiff_t>(script.body_at),
                    copy_.more.begin(), copy_.more.end());
}

void Player::advance() {
  ++step_;
  enter_step();
}

Player::Packet Player::next() {
  const Script& script = *copy_.script;
  const Step& step = script.steps[step_];
  if (!step.tcp) {
    play_datagram(step);
    ++datagrams_;
    advance();
    return {frame_, false};
  }
  const bool message = script.body != Body::none && step_ == script.body_step;
  if (unanswered_ == 2) {
    play_segment(step.from_client ? script.server_ack : script.client_ack, !step.from_client, kAck,
                 {});
    unanswered_ = 0;
    return {frame_, false};
  }
  const std::size_t length = std::min(kSegment, payload_.size() - sent_);
  const bool last = sent_ + length == payload_.size();
  const auto flags = static_cast<std::uint8_t>(last ? step.flags : step.flags & ~(kFin | kPsh));
  play_segment(step.head, step.from_client, flags, Bytes(payload_).subspan(sent_, length));
  sent_ += length;
  if (last) {
    advance();
  } else {
    ++unanswered_;
    time_ = time_ + kSegmentGap;
    later_ += kSegmentGap;
  }
  return {frame_, message};
}

void Player::put_addresses() {
  const std::size_t from = copy_.script->ipv6 ? kEthernet + 8 : kEthernet + 12;
  const std::span<std::uint8_t> all(frame_);
  replace_all(all.subspan(from), copy_.script->client, copy_.client);
  replace_all(all.subspan(from), copy_.script->server, copy_.server);
}

void Player::set_checksums(std::size_t transport) {
  const std::span<std::uint8_t> frame(frame_);
  const bool ipv6 = frame[kEthernet] >> 4 == 6;
  const std::size_t length = frame.size() - transport, width = ipv6 ? 16 : 4;
  if (ipv6) {
    set16(frame, kEthernet + 4, frame.size() - kEthernet - kIpv6);
  } else {
    set16(frame, kEthernet + 2, frame.size() - kEthernet);
    set16(frame, kEthernet + 10, 0);
    set16(frame, kEthernet + 10, checksum_of(sum_words(0, frame.subspan(kEthernet, kIpv4))));
  }
  const std::uint8_t protocol = frame[kEthernet + (ipv6 ? 6 : 9)];
  const std::size_t field = transport + (protocol == 6 ? 16 : 6);
  set16(frame, field, 0);
  const std::uint64_t pseudo =
      sum_words(protocol + length, frame.subspan(transport - 2 * width, 2 * width));
  set16(frame, field, checksum_of(sum_words(pseudo, frame.subspan(transport))));
}

void Player::play_segment(const Octets& head, bool from_client, std::uint8_t flags, Bytes payload) {
  frame_.assign(head.begin(), head.end());
  put_addresses();
  const bool ipv6 = frame_[kEthernet] >> 4 == 6;
  const std::size_t tcp = kEthernet + (ipv6 ? kIpv6 : kIpv4);
  std::uint32_t& own = sequence_[from_client ? 0 : 1];
  const std::uint32_t other = sequence_[from_client ? 1 : 0];
  set16(frame_, tcp + (from_client ? 0 : 2), copy_.client_port);
  set32(frame_, tcp + 4, own);
  set32(frame_, tcp + 8, (flags & kAck) != 0 ? other : 0);
  frame_[tcp + 13] = flags;
  frame_.insert(frame_.end(), payload.begin(), payload.end());
  set_checksums(tcp);
  own += static_cast<std::uint32_t>(payload.size()) + ((flags & kSyn) != 0 ? 1U : 0U) +
         ((flags & kFin) != 0 ? 1U : 0U);
}

void Player::play_datagram(const Step& step) {
  frame_.assign(step.head.begin(), step.head.end());
  frame_.insert(frame_.end(), step.payload.begin(), step.payload.end());
  put_addresses();
  constexpr std::uint32_t kDnsPort = 53;
  const bool ipv6 = frame_[kEthernet] >> 4 == 6;
  const std::size_t udp = kEthernet + (ipv6 ? kIpv6 : kIpv4);
  const std::size_t port = get16(frame_, udp + 2) == kDnsPort ? udp : udp + 2;
  set16(frame_, port, 1'024 + (get16(frame_, port) + copy_.query) % 64'000);
  set16(frame_, udp + kUdpHeader, get16(frame_, udp + kUdpHeader) + copy_.query);
  set_checksums(udp);
}

}  // namespace mxw::bench
