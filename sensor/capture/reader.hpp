// Capture files, read by ourselves: classic pcap (both byte orders, micro- and nanoseconds, the modified
// format is refused with a clear message) and pcapng (section, interface, enhanced, simple and obsolete
// packet blocks, statistics, decryption secrets; mixed link types and snap lengths), also gzipped and from
// standard input. Reads are bounded by core/base/limits.hpp; damage ends the file with a message that names
// file, frame and offset, and everything before it has been delivered. Inputs are opened read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/digest.hpp"
#include "core/base/result.hpp"
#include "sensor/capture/packet.hpp"

namespace mxw::capture {

// What is known of one input after it was read to its end (or to its damage).
struct FileFacts {
  std::string name;        // base name; "-" for standard input
  std::string path;        // as given
  std::uint64_t size = 0;  // octets of the file (compressed size for .gz)
  std::string sha256;      // hex, of the file's octets as stored; "" until finished
  std::uint64_t packets = 0, cut_packets = 0;
  std::uint64_t unknown_link_packets = 0;  // of pcapng interfaces whose link type is not supported
  std::optional<std::uint64_t> drops;      // interface statistics (isb_ifdrop + isb_osdrop), if present
  std::optional<Time> first, last;
  std::optional<std::string> damage;  // message; set: exit 3
};

class Reader {
 public:
  // `index` is FrameRef::file of all its packets. `hash` = compute sha256 in the same pass.
  // Errors: cannot open, no capture file, unsupported link type of the whole file (ErrorKind::input).
  static Result<std::unique_ptr<Reader>> open(const std::string& path, std::uint16_t index,
                                              bool hash);
  virtual ~Reader() = default;

  // The next packet, or nullopt at the end or at the damage (facts().damage tells). The view is valid
  // until the next call unless `stable`.
  virtual std::optional<PacketView> next() = 0;
  [[nodiscard]] virtual const FileFacts& facts() const = 0;
  // Reads what is left for the digest; call once after next() gave nullopt.
  virtual void finish() = 0;
};

// Several inputs merged by packet time (ties: by input, then frame). Packets of one file are never
// reordered, so a file whose times run backwards stays in its own order.
class Merger {
 public:
  explicit Merger(std::vector<std::unique_ptr<Reader>> readers);
  std::optional<PacketView> next();
  [[nodiscard]] const std::vector<std::unique_ptr<Reader>>& readers() const { return readers_; }

 private:
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::optional<PacketView>> heads_;
  std::size_t taken_ = SIZE_MAX;  // reader whose head was handed out last: refilled on the next call
};

}  // namespace mxw::capture
