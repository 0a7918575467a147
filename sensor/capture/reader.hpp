// Capture files, read by ourselves: classic pcap (both byte orders, micro- and nanoseconds, the
// modified format is refused with a clear message) and pcapng (section, interface, enhanced, simple
// and obsolete packet blocks, statistics, decryption secrets; mixed link types and snap lengths),
// also gzipped and from standard input (`-`). Reads are bounded by core/base/limits.hpp; damage
// ends the file with a message that names file, frame and offset (of the inflated data for gzip),
// and everything before it has been delivered. Inputs are opened read-only and have the size they
// had when opened (source.hpp: files that grow or shrink).
//
// pcap: version 2.4 only; timestamps are taken as unsigned seconds. pcapng: times follow if_tsresol
// and if_tsoffset; a Simple Packet Block has none and gets the time of the packet before it. Not
// thread-safe; one reader belongs to one thread.
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

// One Decryption Secrets Block of a pcapng file (draft-ietf-opsawg-pcapng section 4.7). The data
// opens encrypted traffic: it is never printed or logged.
struct DecryptionSecrets {
  std::uint32_t type = 0;           // 0x544c534b: TLS key log
  std::uint64_t after_packets = 0;  // packets of the file that stand before the block
  std::vector<std::uint8_t> data;
};

// What is known of one input after it was read to its end (or to its damage).
struct FileFacts {
  std::string name;                        // base name; "-" for standard input
  std::string path;                        // as given
  std::uint64_t size = 0;                  // octets of the file (compressed size for .gz)
  std::string sha256;                      // hex, of the file's octets as stored; "" until finished
  std::uint64_t packets = 0;               // all that were read, those of unknown links included
  std::uint64_t cut_packets = 0;           // shorter than on the wire
  std::uint64_t unknown_link_packets = 0;  // of pcapng interfaces whose link type is not supported
  std::optional<std::uint64_t> drops;  // interface statistics (isb_ifdrop + isb_osdrop), if present
  std::optional<Time> first, last;     // earliest and latest packet time
  std::optional<std::string> damage;   // message; set: exit 3
  std::vector<DecryptionSecrets> decryption_secrets;  // in file order
  std::uint64_t decryption_secrets_dropped = 0;       // blocks over limits::kDecryptionSecretsBytes
};

class Reader {
 public:
  // `index` is FrameRef::file of all its packets. `hash` = compute sha256 in the same pass.
  // Errors: cannot open, no capture file, unsupported link type of the whole file
  // (ErrorKind::input).
  static Result<std::unique_ptr<Reader>> open(const std::string& path, std::uint16_t index,
                                              bool hash);
  virtual ~Reader() = default;

  // The next packet, or nullopt at the end or at the damage (facts().damage tells). The view is
  // valid until the next call unless `stable`.
  virtual std::optional<PacketView> next() = 0;
  [[nodiscard]] virtual const FileFacts& facts() const = 0;
  // Reads what is left for the digest; call once after next() gave nullopt.
  virtual void finish() = 0;
};

// Several inputs merged by packet time (ties: by input, then frame). Packets of one file are never
// reordered, so a file whose times run backwards stays in its own order. A view is valid until the
// next call. The readers are finished by the caller, through readers().
class Merger {
 public:
  explicit Merger(std::vector<std::unique_ptr<Reader>> readers);
  std::optional<PacketView> next();
  [[nodiscard]] const std::vector<std::unique_ptr<Reader>>& readers() const { return readers_; }

 private:
  struct Head {
    PacketView packet;
    std::size_t reader = 0;
  };
  static bool later(const Head& a, const Head& b);
  void refill(std::size_t reader);

  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<Head> heads_;  // a heap, the earliest in front; at most one of each reader
  std::size_t taken_ =
      SIZE_MAX;  // reader whose head was handed out last: refilled on the next call
};

}  // namespace mxw::capture
