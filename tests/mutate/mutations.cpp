#include "mutations.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <tuple>

namespace mxw::mutate {
namespace {

constexpr std::size_t kMostPassed = 16;                  // packets one packet may fall behind
constexpr std::int64_t kCopyBehind = kMillisecond / 20;  // of a mirror's second copy
// Beyond this many packets, a mutation tried at every packet is tried at a sample.
constexpr std::uint64_t kSeeds = 8;
constexpr std::size_t kSmallCapture = 100, kSamples = 24;

// The standard fixes what the engine gives but not what its distributions do: runs must be the same
// everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  bool hit(double rate) { return unit() < rate; }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(unit() * static_cast<double>(n));
  }

 private:
  std::mt19937_64 engine_;
};

// By connection: from SYN to SYN/ACK, or from question to answer, as the tap saw it.
std::map<std::uint32_t, std::int64_t> round_trips(const Packets& packets) {
  std::map<std::uint32_t, Time> asked;
  std::map<std::uint32_t, std::int64_t> trips;
  for (const Packet& p : packets) {
    if (!p.layout || (p.layout->tcp && !p.layout->syn)) continue;
    const std::uint32_t connection = p.layout->connection;
    if (p.layout->of_client)
      asked.try_emplace(connection, p.time);
    else if (const auto it = asked.find(connection); it != asked.end())
      trips.try_emplace(connection, p.time - it->second);
  }
  return trips;
}

bool is_reset(const Packet& p) {
  return p.layout && p.layout->rst;
}

// Where a stream's octets begin that a packet carries; packets with equal places compete: only one
// of them was read.
using Place = std::tuple<std::uint32_t, bool, std::uint32_t>;
std::optional<Place> place_of(const Packet& p) {
  if (!p.layout || p.layout->payload == 0) return std::nullopt;
  return Place{p.layout->connection, p.layout->of_client, p.layout->sequence};
}

// Sorts by arrival after every packet was delayed by what `delay` says. A packet falls behind at
// most kMostPassed others and never behind a reset, nor behind another with the same place in its
// stream: which of two came first says which was read, and is evidence as the reset's place is.
// Resets are not delayed. The file's times stay as they were, since a tap stamps in the order of
// arrival.
Packets delayed(const Packets& packets, const std::vector<std::int64_t>& delay) {
  std::vector<Time> arrival(packets.size());
  std::optional<Time> next_reset;
  std::map<Place, Time> next_rival;
  for (std::size_t i = packets.size(); i-- > 0;) {
    if (is_reset(packets[i])) next_reset = packets[i].time;
    const std::size_t last = std::min(i + kMostPassed, packets.size() - 1);
    arrival[i] = is_reset(packets[i]) ? packets[i].time : packets[i].time + delay[i];
    arrival[i] = std::min(arrival[i], std::max(packets[i].time, packets[last].time));
    if (next_reset) arrival[i] = std::min(arrival[i], *next_reset);
    const auto place = place_of(packets[i]);
    if (!place) continue;
    const auto [rival, first] = next_rival.try_emplace(*place, packets[i].time);
    if (!first) arrival[i] = std::min(arrival[i], rival->second);
    rival->second = packets[i].time;
  }
  std::vector<std::size_t> order(packets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return arrival[a] < arrival[b]; });
  Packets out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    out.push_back(packets[order[i]]);
    out.back().time = packets[i].time;
  }
  return out;
}

std::int64_t trip_of(const std::map<std::uint32_t, std::int64_t>& trips, const Packet& p) {
  const auto it = p.layout ? trips.find(p.layout->connection) : trips.end();
  return it == trips.end() ? 0 : it->second;
}

// One hop further; the IPv4 header checksum follows (RFC 1624: HC' = ~(~HC + ~m + m')).
void lower_ttl(Packet& p) {
  if (!p.layout) return;
  std::uint8_t& ttl = p.bytes[p.layout->ip + (p.layout->v4 ? 8U : 7U)];
  if (ttl < 2) return;
  --ttl;
  if (!p.layout->v4) return;
  const std::size_t at = p.layout->ip + 10;
  std::uint32_t sum = static_cast<std::uint32_t>(p.bytes[at] << 8 | p.bytes[at + 1]) + 0x0100U;
  sum = (sum & 0xffffU) + (sum >> 16);
  p.bytes[at] = static_cast<std::uint8_t>(sum >> 8);
  p.bytes[at + 1] = static_cast<std::uint8_t>(sum);
}

// RFC 9293 section 3.1, not complemented: what a host leaves in the field for its card to complete.
std::uint16_t pseudo_header_sum(const Packet& p) {
  const Layout& l = *p.layout;
  const std::size_t ip_length =
      l.v4 ? static_cast<std::size_t>(p.bytes[l.ip + 2] << 8 | p.bytes[l.ip + 3])
           : 40U + static_cast<std::size_t>(p.bytes[l.ip + 4] << 8 | p.bytes[l.ip + 5]);
  std::uint32_t sum =
      (l.tcp ? 6U : 17U) + static_cast<std::uint32_t>(l.ip + ip_length - l.transport);
  for (const Endpoint* end : {&l.from, &l.to}) {
    const Bytes address = end->address.bytes();
    for (std::size_t i = 0; i < address.size(); i += 2)
      sum += static_cast<std::uint32_t>(address[i] << 8 | address[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffffU) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

Packets slice(const Packets& packets, std::size_t first, std::size_t last) {
  const auto at = [&](std::size_t i) { return packets.begin() + static_cast<std::ptrdiff_t>(i); };
  return {at(first), at(last)};
}

Packets without(const Packets& packets, std::size_t index) {
  Packets out = packets;
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(index));
  return out;
}

void add_seeded(std::vector<Mutation>& to) {
  struct Strength {
    const char* name;
    double rate;
  };
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const auto& [name, rate] : {Strength{"1 %", 0.01}, {"5 %", 0.05}, {"20 %", 0.2}})
      to.push_back({std::string("drop ") + name, seed,
                    [=, r = rate](const Packets& p) { return drop(p, r, seed); }});
    for (const auto& [name, rate] : {Strength{"5 %", 0.05}, {"30 %", 0.3}, {"all", 1.0}})
      to.push_back({std::string("reorder ") + name, seed,
                    [=, r = rate](const Packets& p) { return reorder(p, r, seed); }});
    to.push_back({"copies exact 20 %", seed,
                  [=](const Packets& p) { return duplicate(p, 0.2, Copy::exact, seed); }});
    to.push_back({"copies TTL-1 20 %", seed,
                  [=](const Packets& p) { return duplicate(p, 0.2, Copy::ttl_less_one, seed); }});
    to.push_back({"copies late 10 %", seed,
                  [=](const Packets& p) { return duplicate(p, 0.1, Copy::late, seed); }});
    to.push_back(
        {"jitter 1 ms", seed, [=](const Packets& p) { return jitter(p, kMillisecond, seed); }});
    to.push_back({"jitter 100 ms", seed,
                  [=](const Packets& p) { return jitter(p, 100 * kMillisecond, seed); }});
    to.push_back(
        {"jitter 3 s", seed, [=](const Packets& p) { return jitter(p, 3 * kSecond, seed); }});
  }
}

void add_fixed(std::vector<Mutation>& to) {
  to.push_back(
      {"copies exact all", 0, [](const Packets& p) { return duplicate(p, 1, Copy::exact, 1); }});
  to.push_back({"copies TTL-1 all", 0,
                [](const Packets& p) { return duplicate(p, 1, Copy::ttl_less_one, 1); }});
  for (const std::size_t octets : {54U, 68U, 96U, 128U, 256U})
    to.push_back(
        {"snap " + std::to_string(octets), 0, [=](const Packets& p) { return snap(p, octets); }});
  for (const bool of_client : {true, false}) {
    const std::string side = of_client ? "client" : "server";
    to.push_back({"only the " + side + "'s", 0,
                  [=](const Packets& p) { return only_direction(p, of_client); }});
    to.push_back(
        {"offload: " + side, 0, [=](const Packets& p) { return offload(p, of_client, true); }});
    to.push_back({"wrong checksums: " + side, 0,
                  [=](const Packets& p) { return offload(p, of_client, false); }});
    to.push_back({"half a round trip behind: " + side, 0,
                  [=](const Packets& p) { return delay_direction(p, of_client, 0.5); }});
    to.push_back({"a round trip behind: " + side, 0,
                  [=](const Packets& p) { return delay_direction(p, of_client, 1.0); }});
  }
}

void add_everywhere(std::vector<Mutation>& to, std::size_t size, std::size_t stride) {
  const std::size_t step = stride * (size <= kSmallCapture ? 1 : size / kSamples);
  for (std::size_t i = 0; i < size; i += step) {
    to.push_back({"drop one packet", i, [=](const Packets& p) { return without(p, i); }});
    to.push_back({"end cut off", i, [=](const Packets& p) { return slice(p, 0, i); }});
    to.push_back(
        {"beginning cut off", i, [=](const Packets& p) { return slice(p, i + 1, p.size()); }});
  }
}

}  // namespace

Packets drop(const Packets& packets, double rate, std::uint64_t seed) {
  Dice dice(seed);
  Packets out;
  for (const Packet& p : packets)
    if (!dice.hit(rate)) out.push_back(p);
  return out;
}

Packets reorder(const Packets& packets, double rate, std::uint64_t seed) {
  Dice dice(seed);
  const auto trips = round_trips(packets);
  std::vector<std::int64_t> delay;
  for (const Packet& p : packets)
    delay.push_back(dice.hit(rate) ? dice.below(trip_of(trips, p)) : 0);
  return delayed(packets, delay);
}

Packets delay_direction(const Packets& packets, bool of_client, double round_trips_behind) {
  const auto trips = round_trips(packets);
  std::vector<std::int64_t> delay;
  for (const Packet& p : packets) {
    const bool meant = p.layout && p.layout->of_client == of_client;
    const double trip = static_cast<double>(trip_of(trips, p));
    delay.push_back(meant ? static_cast<std::int64_t>(trip * round_trips_behind) : 0);
  }
  return delayed(packets, delay);
}

Packets duplicate(const Packets& packets, double rate, Copy how, std::uint64_t seed) {
  Dice dice(seed);
  Packets out;
  // Late copies, each with the packet it comes behind.
  std::vector<std::pair<std::size_t, Packet>> waiting;
  const auto release = [&](std::size_t index, bool all) {
    std::erase_if(waiting, [&](const auto& copy) {
      if (!all && copy.first > index) return false;
      const Time now = out.back().time;
      out.push_back(copy.second);
      out.back().time = now;
      return true;
    });
  };
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (is_reset(packets[i])) release(i, true);
    out.push_back(packets[i]);
    release(i, false);
    if (!dice.hit(rate)) continue;
    Packet copy = packets[i];
    if (how == Copy::ttl_less_one) lower_ttl(copy);
    if (how == Copy::late) {
      if (!is_reset(copy))
        waiting.emplace_back(i + 1 + static_cast<std::size_t>(dice.below(kMostPassed)), copy);
      continue;
    }
    if (i + 1 < packets.size())
      copy.time = std::min(copy.time + kCopyBehind, std::max(copy.time, packets[i + 1].time));
    out.push_back(std::move(copy));
  }
  release(0, true);
  return out;
}

Packets snap(const Packets& packets, std::size_t octets) {
  Packets out = packets;
  for (Packet& p : out)
    if (p.bytes.size() > octets) p.bytes.resize(octets);
  return out;
}

Packets jitter(const Packets& packets, std::int64_t most_ns, std::uint64_t seed) {
  Dice dice(seed);
  Packets out = packets;
  std::int64_t behind = 0;
  for (Packet& p : out) {
    behind += dice.below(most_ns);
    p.time = p.time + behind;
  }
  return out;
}

Packets only_direction(const Packets& packets, bool of_client) {
  Packets out;
  for (const Packet& p : packets)
    if (!p.layout || p.layout->of_client == of_client) out.push_back(p);
  return out;
}

Packets offload(const Packets& packets, bool of_client, bool pseudo_header) {
  Packets out = packets;
  for (Packet& p : out) {
    if (!p.layout || p.layout->of_client != of_client) continue;
    const std::size_t at = p.layout->transport + (p.layout->tcp ? 16U : 6U);
    const std::uint16_t sum = pseudo_header_sum(p);
    p.bytes[at] = static_cast<std::uint8_t>(pseudo_header ? sum >> 8 : p.bytes[at] ^ 0x5a);
    if (pseudo_header) p.bytes[at + 1] = static_cast<std::uint8_t>(sum);
  }
  return out;
}

std::vector<Mutation> mutations_for(const Packets& packets, std::size_t stride) {
  std::vector<Mutation> all;
  add_seeded(all);
  add_fixed(all);
  add_everywhere(all, packets.size(), stride);
  return all;
}

}  // namespace mxw::mutate
