#include "tests/bench/mix.hpp"

#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "core/base/check.hpp"
#include "tests/bench/player.hpp"
#include "tests/bench/wire.hpp"

namespace mxw::bench {
namespace {

constexpr std::int64_t kFirst = 1'795'298'400;  // 2026-11-21T22:00:00Z, in the policies' lifetime
// For each script: a perimeter has few hosts on its own side and many on the other.
constexpr std::size_t kServers = 1'000, kClients = 8;
constexpr std::size_t kNetwork = 256;  // the clients of each script are a /24 of their own
constexpr std::size_t kPool = 1 << 20, kLine = 78, kRecord = 16'408, kRecordHeader = 5;

// Octets to make messages of: a TLS ciphertext, and lines of base64.
class Pool {
 public:
  explicit Pool(Random& random) : noise_(kPool) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    random.fill(noise_);
    for (std::size_t i = 0; i + 2 < kLine; ++i)
      line_.push_back(static_cast<std::uint8_t>(kAlphabet[random.below(kAlphabet.size())]));
    line_.insert(line_.end(), {'\r', '\n'});
  }

  [[nodiscard]] Octets records(std::size_t length, Random& random) const {
    constexpr std::size_t kApplicationData = 23, kTls12 = 0x0303;
    Octets out;
    while (out.size() < length) {
      append(out, kApplicationData, 1);
      append(out, kTls12, 2);
      append(out, kRecord, 2);
      const auto from = noise_.begin() + static_cast<std::ptrdiff_t>(random.below(kPool - kRecord));
      out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(kRecord));
    }
    return out;
  }
  [[nodiscard]] Octets lines(std::size_t length) const {
    Octets out;
    while (out.size() < length) out.insert(out.end(), line_.begin(), line_.end());
    return out;
  }

 private:
  Octets noise_, line_;
};

// Each script has servers and clients of its own: a host that offers TLS in one session and not in
// the next would be a finding. Addresses of RFC 2544's benchmark network, and of the documentation
// prefix.
Octets address(bool ipv6, bool server, std::size_t number) {
  Octets out;
  if (ipv6) append(out, 0x2001'0db8, 4), append(out, 0, 8);
  append(out, ipv6 ? (server ? 0x1'0000U : 0x2'0000U) : (server ? 0xc613'0000U : 0xc612'0000U), 4);
  set16(out, out.size() - 2, number + 1);
  return out;
}

class Sessions {
 public:
  Sessions(const Mix& mix, Random& random) : mix_(mix), random_(random), pool_(random) {}

  // Session number n; no two of one file have the same addresses and ports.
  Player make(std::uint64_t n, Time start) {
    const bool even = n % 2 == 0;
    const std::vector<Script>& scripts = even ? mix_.even : mix_.odd;
    const std::size_t place = n / 2 % scripts.size();
    const std::size_t site = even ? place : mix_.even.size() + place;
    const std::size_t server = random_.below(kServers);
    const std::uint64_t round = n / kClients;
    MXW_CHECK(round < 60'000);
    Copy copy;
    copy.script = &scripts[place];
    copy.start = start;
    copy.client = address(copy.script->ipv6, false, site * kNetwork + n % kClients);
    copy.server = address(copy.script->ipv6, true, site * kServers + server);
    copy.client_port = static_cast<std::uint16_t>(2'048 + round);
    copy.query = static_cast<std::uint16_t>(round);
    for (std::uint32_t& sequence : copy.first_sequence)
      sequence = static_cast<std::uint32_t>(random_.next());
    if (mix_.chains != nullptr) copy.chain = &mix_.chains->messages[server];
    if (mix_.long_messages) copy.more = message(copy.script->body);
    copy.one_query = mix_.one_query;
    return Player(std::move(copy));
  }

 private:
  Octets message(Body body) {
    constexpr double kShortest = 4'000, kTimes = 100;
    const auto length = static_cast<std::size_t>(kShortest * std::pow(kTimes, random_.unit()));
    if (body == Body::none) return {};
    return body == Body::tls ? pool_.records(length, random_) : pool_.lines(length);
  }

  const Mix& mix_;
  Random& random_;
  Pool pool_;
};

// What one session lasts on the average when played, so that `open` of them overlap.
std::int64_t start_gap(const Mix& mix) {
  constexpr std::int64_t kSessionLasts = 4 * kSecond;
  return kSessionLasts / static_cast<std::int64_t>(mix.open);
}

}  // namespace

Totals play(const Mix& mix, std::uint64_t octets, Random random, PacketWriter& writer) {
  constexpr std::uint64_t kPacketHeader = 16;
  Sessions sessions(mix, random);
  Totals totals;
  // By time of the next packet, then by number: the order is the same in every run.
  std::map<std::pair<Time, std::uint64_t>, Player> open;
  Time start{kFirst * kSecond};
  while (true) {
    while (writer.octets() < octets && (open.empty() || start <= open.begin()->first.first)) {
      const std::uint64_t n = totals.sessions++;
      open.emplace(std::pair(start, n), sessions.make(n, start));
      start = start + start_gap(mix);
    }
    if (open.empty()) return totals;
    auto node = open.extract(open.begin());
    Player& player = node.mapped();
    const Player::Packet packet = player.next();
    writer.write(node.key().first, packet.frame);
    if (packet.carries_message) totals.message_octets += kPacketHeader + packet.frame.size();
    if (player.done()) continue;
    node.key().first = player.time();
    open.insert(std::move(node));
  }
}

}  // namespace mxw::bench
