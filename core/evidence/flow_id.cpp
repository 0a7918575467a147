#include "core/evidence/flow_id.hpp"

#include <algorithm>
#include <array>

#include "core/base/digest.hpp"

namespace mxw::evidence {
namespace {

// Tenant, protocol, two ends of address, family and port, time, number.
constexpr std::size_t kOctets = 4 + 1 + 2 * (16 + 1 + 2) + 8 + 8;

class Packer {
 public:
  void put(std::uint64_t value, std::size_t octets) {
    for (std::size_t i = octets; i-- > 0;)
      bytes_[at_++] = static_cast<std::uint8_t>(value >> (8 * i) & 0xff);
  }
  void put(const Endpoint& end) {
    std::copy(end.address.octets.begin(), end.address.octets.end(),
              bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += end.address.octets.size();
    put(end.address.family, 1);
    put(end.port, 2);
  }
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_).first(at_); }

 private:
  std::array<std::uint8_t, kOctets> bytes_{};
  std::size_t at_ = 0;
};

}  // namespace

std::uint64_t flow_id(std::uint32_t tenant, const Endpoint& client, const Endpoint& server,
                      std::uint8_t protocol, const FrameRef& first) {
  Packer packer;
  packer.put(tenant, 4);
  packer.put(protocol, 1);
  packer.put(client);
  packer.put(server);
  packer.put(static_cast<std::uint64_t>(first.time.ns), 8);
  packer.put(first.ordinal, 8);
  const Sha256 digest = sha256(packer.bytes());
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 7; ++i) id = id << 8 | digest[i];
  return id >> 3;
}

}  // namespace mxw::evidence
