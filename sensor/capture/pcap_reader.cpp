// Classic pcap (draft-ietf-opsawg-pcap): a file header of 24 octets, then records of a header of 16
// octets and the captured octets, all in the byte order of the machine that wrote them.
#include <utility>

#include "sensor/capture/file_reader.hpp"

namespace mxw::capture {
namespace {

constexpr std::uint32_t kMagicMicro = 0xa1b2c3d4, kMagicNano = 0xa1b23c4d;
constexpr std::uint32_t kMagicModified = 0xa1b2cd34;  // Kuznetzov's: longer record headers
constexpr std::size_t kFileHeader = 24, kRecordHeader = 16;
// The bits above carry the length of the frame check sequence, as libpcap's pcap/pcap.h has it.
constexpr std::uint32_t kLinkMask = 0x03ff'ffff;

class PcapReader final : public FileReader {
 public:
  PcapReader(std::unique_ptr<Source> source, FileFacts facts, std::uint16_t index, bool swap,
             std::int64_t fraction, LinkType link)
      : FileReader(std::move(source), std::move(facts), index),
        swap_(swap),
        fraction_(fraction),
        link_(link) {}

  std::optional<PacketView> next() override;

 private:
  std::uint32_t u32(const std::uint8_t* at) const { return load<std::uint32_t>(at, swap_); }

  bool swap_;
  std::int64_t fraction_;  // nanoseconds in one unit of the second timestamp field
  LinkType link_;
};

std::optional<PacketView> PcapReader::next() {
  if (done_) return std::nullopt;
  const std::uint64_t start = source_->offset();
  if (!source_->need(kRecordHeader)) {
    ended("packet header", start, true);
    return std::nullopt;
  }
  const std::uint8_t* header = source_->take(kRecordHeader).data();
  const std::int64_t seconds = u32(header), fraction = u32(header + 4);
  const std::uint32_t captured = u32(header + 8);
  PacketView view;
  view.wire_length = u32(header + 12);
  view.link = link_;
  if (captured > limits::kPacketBytes) {
    damaged(
        "packet of " + std::to_string(captured) + " bytes is larger than any capture tool writes",
        start);
    return std::nullopt;
  }
  if (!source_->need(captured)) {
    ended("packet of " + std::to_string(captured) + " bytes", start, false);
    return std::nullopt;
  }
  view.bytes = source_->take(captured);
  scout_.advance(*source_, kRecordHeader + captured, kRecordHeader, [this](const std::uint8_t* at) {
    return kRecordHeader + std::size_t{u32(at + 8)};
  });
  // Both fields are 32 bits wide: the sum stays far below 2^63.
  count(view, Time{seconds * kSecond + fraction * fraction_});
  return view;
}

}  // namespace

Result<std::unique_ptr<Reader>> open_pcap(std::unique_ptr<Source> source, FileFacts facts,
                                          std::uint16_t index) {
  const auto refuse = [&facts](const std::string& why) {
    return fail(ErrorKind::input, facts.path + ": " + why);
  };
  const auto magic = load<std::uint32_t>(source->peek(4).data(), false);
  const auto known = [magic](std::uint32_t value) {
    return magic == value || magic == std::byteswap(value);
  };
  if (known(kMagicModified))
    return refuse(
        "is in the modified pcap format (magic a1b2cd34), which is not read; convert it with"
        " 'editcap -F pcap'");
  if (!known(kMagicMicro) && !known(kMagicNano)) return refuse("is no pcap or pcapng capture file");
  if (!source->need(kFileHeader)) {
    if (!source->trouble().empty()) return refuse(source->trouble());
    return refuse("is too short for a pcap file header");
  }
  const bool swap = magic != kMagicMicro && magic != kMagicNano;
  const std::uint8_t* header = source->take(kFileHeader).data();
  const auto major = load<std::uint16_t>(header + 4, swap);
  const auto minor = load<std::uint16_t>(header + 6, swap);
  if (major != 2 || minor != 4)
    return refuse("has pcap version " + std::to_string(major) + "." + std::to_string(minor) +
                  "; only 2.4 is read");
  const LinkType link = load<std::uint32_t>(header + 20, swap) & kLinkMask;
  if (!link_supported(link)) return refuse(link_text(link) + " is not supported");
  return std::make_unique<PcapReader>(std::move(source), std::move(facts), index, swap,
                                      known(kMagicNano) ? 1 : kMicrosecond, link);
}

}  // namespace mxw::capture
