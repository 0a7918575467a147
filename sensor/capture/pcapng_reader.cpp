// pcapng (draft-ietf-opsawg-pcapng): blocks of type, total length, body, total length again; a
// Section Header Block sets the byte order and starts a new list of interfaces.
#include <utility>

#include "sensor/capture/file_reader.hpp"
#include "sensor/capture/pcapng_time.hpp"

namespace mxw::capture {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kInterface = 1, kObsoletePacket = 2, kSimplePacket = 3, kStatistics = 5,
                        kEnhancedPacket = 6, kSecrets = 10;
constexpr std::uint16_t kEndOfOptions = 0, kResolution = 9, kTimeOffset = 14, kInterfaceDrops = 5,
                        kSystemDrops = 7;
constexpr std::size_t kBlockHeader = 8, kBlockTrailer = 4, kSectionMinimum = 28;
// A hostile count must not wrap the sum; 2^53 is also what JSON readers hold exactly.
constexpr std::uint64_t kDropsCeiling = std::uint64_t{1} << 53;

struct Interface {
  LinkType link = 0;
  bool supported = false;
  std::uint32_t snap_length = 0;  // 0 = unlimited
  TimeScale scale;
  std::uint64_t drops = 0;  // of its latest statistics: they count from the start of the capture
};

// A cursor over one block's body in the section's byte order, with ByteReader's sticky error.
class BodyReader {
 public:
  BodyReader(Bytes bytes, bool swap) : bytes_(bytes), swap_(swap) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  Bytes take(std::size_t n) {
    if (n > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const Bytes run = bytes_.first(n);
    bytes_ = bytes_.subspan(n);
    return run;
  }

 private:
  template <typename T>
  T number() {
    const Bytes run = take(sizeof(T));
    return run.empty() ? T{0} : load<T>(run.data(), swap_);
  }

  Bytes bytes_;
  bool swap_;
  bool ok_ = true;
};

class PcapngReader final : public FileReader {
 public:
  PcapngReader(std::unique_ptr<Source> source, FileFacts facts, std::uint16_t index)
      : FileReader(std::move(source), std::move(facts), index) {}

  std::optional<PacketView> next() override;

  // The first block, so that a file that is none is refused and not called damaged.
  bool open_section() { return next_block(); }

 private:
  struct Block {
    std::uint32_t type = 0;
    Bytes body;
  };

  bool next_block();
  bool section_order();
  // Ends the file at this block; false, so that a caller can return it.
  bool bad(const std::string& what) {
    damaged(what, block_start_);
    return false;
  }

  bool take_packet(PacketView& view);
  bool start_section();
  bool add_interface();
  bool read_statistics();
  bool keep_secrets();
  bool take_times(BodyReader& body, TimeScale& scale) const;

  bool swap_ = false;
  std::vector<Interface> interfaces_;     // of this section
  std::uint32_t earlier_interfaces_ = 0;  // of the sections before
  Block block_;
  std::uint64_t block_start_ = 0;
  std::size_t secrets_bytes_ = 0;  // kept so far, with what keeping each costs
};

// Sets swap_ from the byte-order magic of the section header that begins here.
bool PcapngReader::section_order() {
  if (!source_->need(kBlockHeader + 4)) return ended("section header", block_start_, false);
  const auto magic = load<std::uint32_t>(source_->peek(kBlockHeader + 4).data() + 8, false);
  swap_ = magic == std::byteswap(kByteOrderMagic);
  if (swap_ || magic == kByteOrderMagic) return true;
  return bad("section header without the byte-order magic");
}

// Moves to the next block; false at the end of the file or at damage.
bool PcapngReader::next_block() {
  block_start_ = source_->offset();
  if (!source_->need(kBlockHeader)) return ended("block header", block_start_, true);
  const std::uint32_t raw_type = load<std::uint32_t>(source_->peek(kBlockHeader).data(), false);
  if (raw_type == kSectionHeader && !section_order()) return false;
  const std::uint8_t* header = source_->peek(kBlockHeader).data();
  block_.type = load<std::uint32_t>(header, swap_);
  const std::size_t total = load<std::uint32_t>(header + 4, swap_);
  const auto described = [total] { return "block of " + std::to_string(total) + " bytes"; };
  if (total < kBlockHeader + kBlockTrailer || total % 4 != 0)
    return bad(described() + ", which no block can have,");
  if (total > limits::kPcapngBlockBytes) return bad(described() + " is too large");
  if (!source_->need(total)) return ended(described(), block_start_, false);
  const Bytes whole = source_->take(total);
  scout_.advance(*source_, total, kBlockHeader, [this](const std::uint8_t* at) {
    return std::size_t{load<std::uint32_t>(at + 4, swap_)};
  });
  if (load<std::uint32_t>(whole.data() + total - kBlockTrailer, swap_) != total)
    return bad(described() + " ends with a different length");
  block_.body = whole.subspan(kBlockHeader, total - kBlockHeader - kBlockTrailer);
  return block_.type != kSectionHeader || start_section();
}

bool PcapngReader::start_section() {
  if (block_.body.size() < kSectionMinimum - kBlockHeader - kBlockTrailer)
    return bad("section header is too short");
  BodyReader body(block_.body, swap_);
  (void)body.u32();
  const std::uint16_t major = body.u16(), minor = body.u16();
  if (major != 1 || (minor != 0 && minor != 2))  // 1.2 was written by some tools and equals 1.0
    return bad("pcapng version " + std::to_string(major) + "." + std::to_string(minor) +
               " is not supported");
  earlier_interfaces_ += static_cast<std::uint32_t>(interfaces_.size());
  interfaces_.clear();
  return true;
}

// Calls use(code, value) for each option; false when one goes beyond the block.
template <typename Use>
bool for_each_option(BodyReader& body, Use use) {
  while (body.ok() && body.left() > 0) {
    const std::uint16_t code = body.u16();
    const std::size_t length = body.u16();
    if (!body.ok() || code == kEndOfOptions) break;
    const Bytes value = body.take(length);
    (void)body.take((4 - length % 4) % 4);
    if (body.ok()) use(code, value);
  }
  return body.ok();
}

bool PcapngReader::take_times(BodyReader& body, TimeScale& scale) const {
  return for_each_option(body, [&](std::uint16_t code, Bytes value) {
    if (code == kResolution && value.size() == 1) scale.set_resolution(value[0]);
    if (code == kTimeOffset && value.size() == 8)
      scale.set_offset(load<std::int64_t>(value.data(), swap_));
  });
}

bool PcapngReader::add_interface() {
  BodyReader body(block_.body, swap_);
  Interface added;
  added.link = body.u16();
  (void)body.u16();
  added.snap_length = body.u32();
  added.supported = link_supported(added.link);
  if (!body.ok()) return bad("interface description is too short");
  if (!take_times(body, added.scale)) return bad("option of an interface goes beyond its block");
  if (interfaces_.size() >= limits::kPcapngInterfaces) return bad("too many interfaces");
  interfaces_.push_back(added);
  return true;
}

bool PcapngReader::read_statistics() {
  BodyReader body(block_.body, swap_);
  const std::uint32_t id = body.u32();
  (void)body.u64();
  if (!body.ok() || id >= interfaces_.size()) return bad("statistics of no interface");
  std::uint64_t drops = 0;
  bool present = false;
  const bool whole = for_each_option(body, [&](std::uint16_t code, Bytes value) {
    if ((code != kInterfaceDrops && code != kSystemDrops) || value.size() != 8) return;
    present = true;
    drops += std::min(load<std::uint64_t>(value.data(), swap_), kDropsCeiling);
  });
  if (!whole) return bad("option of statistics goes beyond its block");
  if (!present) return true;
  std::uint64_t& known = interfaces_[id].drops;
  facts_.drops = facts_.drops.value_or(0) - known + drops;
  known = drops;
  return true;
}

bool PcapngReader::keep_secrets() {
  BodyReader body(block_.body, swap_);
  const std::uint32_t type = body.u32();
  const std::size_t length = body.u32();
  const Bytes data = body.take(length);
  if (!body.ok()) return bad("decryption secrets go beyond their block");
  const std::size_t kept = secrets_bytes_ + data.size() + sizeof(DecryptionSecrets);
  if (kept > limits::kDecryptionSecretsBytes) {
    ++facts_.decryption_secrets_dropped;
    return true;
  }
  secrets_bytes_ = kept;
  facts_.decryption_secrets.push_back({type, facts_.packets, {data.begin(), data.end()}});
  return true;
}

// The packet of the block in hand, whatever its link type; false at damage.
bool PcapngReader::take_packet(PacketView& view) {
  BodyReader body(block_.body, swap_);
  std::uint32_t id = 0;
  std::uint64_t units = 0;
  std::size_t captured = 0;
  const bool simple = block_.type == kSimplePacket;
  if (simple) {
    view.wire_length = body.u32();
    captured = std::min<std::size_t>(view.wire_length, body.left());
  } else {
    id = block_.type == kEnhancedPacket ? body.u32() : body.u16();
    if (block_.type == kObsoletePacket) (void)body.u16();  // drops: the statistics have their sum
    const std::uint64_t high = body.u32();
    units = high << 32 | body.u32();
    captured = body.u32();
    view.wire_length = body.u32();
  }
  if (!body.ok()) return bad("packet block is too short");
  if (id >= interfaces_.size()) return bad("packet of an interface that was not described");
  const Interface& interface = interfaces_[id];
  if (simple && interface.snap_length != 0)
    captured = std::min<std::size_t>(captured, interface.snap_length);
  const auto described = [captured] { return "packet of " + std::to_string(captured) + " bytes"; };
  if (captured > limits::kPacketBytes)
    return bad(described() + " is larger than any capture tool writes");
  view.bytes = body.take(captured);
  if (!body.ok()) return bad(described() + " goes beyond its block");
  view.link = interface.link;
  view.interface = earlier_interfaces_ + id;
  count(view, simple ? std::nullopt : std::optional(interface.scale.at(units)));
  return true;
}

std::optional<PacketView> PcapngReader::next() {
  while (!done_ && next_block()) {
    switch (block_.type) {
      case kEnhancedPacket:
      case kSimplePacket:
      case kObsoletePacket:
        if (PacketView view; take_packet(view)) {
          if (interfaces_[view.interface - earlier_interfaces_].supported) return view;
          ++facts_.unknown_link_packets;
        }
        break;
      case kInterface:
        add_interface();
        break;
      case kStatistics:
        read_statistics();
        break;
      case kSecrets:
        keep_secrets();
        break;
      default:  // sections were started by next_block(); all else says nothing about packets
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_pcapng(Bytes magic) {
  return load<std::uint32_t>(magic.data(), false) == kSectionHeader;
}

Result<std::unique_ptr<Reader>> open_pcapng(std::unique_ptr<Source> source, FileFacts facts,
                                            std::uint16_t index) {
  const std::string path = facts.path;
  auto reader = std::make_unique<PcapngReader>(std::move(source), std::move(facts), index);
  if (!reader->open_section())
    return fail(ErrorKind::input, path + ": is no readable pcapng file (" +
                                      reader->facts().damage.value_or("no section") + ")");
  return reader;
}

}  // namespace mxw::capture
