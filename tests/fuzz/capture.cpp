// Capture files: pcap, pcapng and gzip of either. Read twice, in large and in small pieces: the
// packets, the damage and the facts must be the same.
#include "core/base/check.hpp"
#include "core/base/digest.hpp"
#include "sensor/capture/file_reader.hpp"
#include "sensor/capture/inflate_source.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_source.hpp"

namespace {

using namespace mxw;
using namespace mxw::capture;

constexpr std::size_t kMostPackets = 100'000;  // a bomb of gzip inflates to more than time allows

std::unique_ptr<Source> open(Bytes bytes, std::size_t piece) {
  auto source = std::make_unique<fuzz::MemorySource>(bytes, piece);
  if (source->need(2) && source->peek(2)[0] == 0x1f && source->peek(2)[1] == 0x8b)
    return std::make_unique<InflateSource>(std::move(source));
  return source;
}

// Everything the reader said, as one text.
std::string read(Bytes bytes, std::size_t piece) {
  std::unique_ptr<Source> source = open(bytes, piece);
  if (!source->need(4)) return "short " + source->trouble();
  FileFacts facts;
  facts.name = "fuzz";
  auto reader = is_pcapng(source->peek(4)) ? open_pcapng(std::move(source), std::move(facts), 0)
                                           : open_pcap(std::move(source), std::move(facts), 0);
  if (!reader) return reader.error().message;
  std::string said;
  Sha256Stream digest;
  for (std::size_t n = 0; n < kMostPackets; ++n) {
    const auto packet = (*reader)->next();
    if (!packet) break;
    MXW_CHECK(packet->wire_length >= packet->bytes.size());
    digest.update(packet->bytes);
    said += std::to_string(packet->at.time.ns) + ' ' + link_text(packet->link) + '\n';
  }
  (*reader)->finish();
  const FileFacts& f = (*reader)->facts();
  return said + hex(digest.finish()) + std::to_string(f.packets) + ' ' +
         std::to_string(f.cut_packets) + ' ' + std::to_string(f.unknown_link_packets) + ' ' +
         std::to_string(f.drops.value_or(0)) + ' ' + f.damage.value_or("sound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mxw::Bytes bytes(data, size);
  MXW_CHECK(read(bytes, size + 1) == read(bytes, 7));
  return 0;
}
