#include "sensor/main/taps.hpp"

#include <map>
#include <tuple>

#include "core/base/digest.hpp"
#include "sensor/capture/reader.hpp"
#include "sensor/decode/decoder.hpp"

namespace mxw::sensor {
namespace {

constexpr std::size_t kSyns =
    200'000;  // enough to recognise the same traffic, in all files together

struct Syn {
  Time at;
  std::uint8_t ttl = 0;
  Sha256 digest{};
  std::size_t file = 0;
};
using Key = std::tuple<std::uint32_t, Endpoint, Endpoint>;

// The last SYN of every 5-tuple, and whether one of another file contradicts it.
class Collector final : public decode::Visitor {
 public:
  std::size_t file = 0;
  bool two_taps = false;

  void on_segment(const decode::Segment& s) override {
    if ((s.flags & (decode::kSyn | decode::kAck)) != decode::kSyn) return;
    const Key key{s.ip.tenant, {s.ip.src, s.src_port}, {s.ip.dst, s.dst_port}};
    const Syn syn{s.at.time, s.ip.ttl, sha256(s.tcp), file};
    const auto known = syns_.find(key);
    if (known == syns_.end()) {
      if (syns_.size() < kSyns) syns_.emplace(key, syn);
      return;
    }
    const Syn& other = known->second;
    const std::int64_t apart = syn.at - other.at;
    const bool same_time = apart <= kSecond && apart >= -kSecond;
    const bool same_packet = syn.ttl == other.ttl && syn.digest == other.digest;
    two_taps = two_taps || (other.file != file && same_time && !same_packet);
    known->second = syn;
  }
  void on_datagram(const decode::Datagram&) override {}

 private:
  std::map<Key, Syn> syns_;
};

}  // namespace

bool are_two_taps(const std::vector<std::string>& paths) {
  Collector collector;
  for (const std::string& path : paths) {
    ++collector.file;
    if (path == "-") continue;
    auto reader = capture::Reader::open(path, 0, false);
    if (!reader) continue;  // told when it is opened for the run
    decode::Decoder decoder({});
    while (const auto packet = (*reader)->next()) decoder.decode(*packet, collector);
    if (collector.two_taps) return true;
  }
  return false;
}

}  // namespace mxw::sensor
