// BpfFilter: a pcap-filter expression applied to packets of a capture file, compiled by libpcap
// once per link type. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "sensor/capture/packet.hpp"

namespace mxw::capture {

class BpfFilter {
 public:
  // Error (usage): the expression does not compile for Ethernet.
  static Result<BpfFilter> compile(const std::string& expression);
  BpfFilter(BpfFilter&&) noexcept;
  BpfFilter& operator=(BpfFilter&&) noexcept;
  ~BpfFilter();

  // False also for a link type for which the expression makes no sense.
  [[nodiscard]] bool accepts(const PacketView& packet);

 private:
  struct Program;
  explicit BpfFilter(std::string expression);
  std::string expression_;
  std::map<LinkType, std::unique_ptr<Program>> programs_;
};

}  // namespace mxw::capture
