#include "sensor/capture/bpf_filter.hpp"

#include <pcap/pcap.h>

#include "core/base/limits.hpp"

namespace mxw::capture {

struct BpfFilter::Program {
  bpf_program code{};
  bool usable = false;
  std::string error;

  Program(const std::string& expression, LinkType link) {
    pcap_t* const dead =
        pcap_open_dead(static_cast<int>(link), static_cast<int>(limits::kPacketBytes));
    if (dead == nullptr) return;
    usable = pcap_compile(dead, &code, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!usable) error = pcap_geterr(dead);
    pcap_close(dead);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (usable) pcap_freecode(&code);
  }
};

BpfFilter::BpfFilter(std::string expression) : expression_(std::move(expression)) {}
BpfFilter::BpfFilter(BpfFilter&&) noexcept = default;
BpfFilter& BpfFilter::operator=(BpfFilter&&) noexcept = default;
BpfFilter::~BpfFilter() = default;

Result<BpfFilter> BpfFilter::compile(const std::string& expression) {
  BpfFilter filter(expression);
  auto program = std::make_unique<Program>(expression, kLinkEthernet);
  if (!program->usable) return fail(ErrorKind::usage, "--filter: " + program->error);
  filter.programs_.emplace(kLinkEthernet, std::move(program));
  return filter;
}

bool BpfFilter::accepts(const PacketView& packet) {
  auto& program = programs_[packet.link];
  if (!program) program = std::make_unique<Program>(expression_, packet.link);
  if (!program->usable) return false;
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
  header.len = packet.wire_length;
  return pcap_offline_filter(&program->code, &header, packet.bytes.data()) != 0;
}

}  // namespace mxw::capture
