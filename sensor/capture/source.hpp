// Source: the octets of one input in order, whatever holds them: a memory map, a gzip stream, or a
// descriptor that can only be read. The pcap and pcapng readers stand on it.
//
// A source shows a window of octets. `need(n)` widens it until n octets can be taken; the fast path
// is two pointers and one comparison. With `stable()` (a memory map) what was taken stays valid as
// long as the source; otherwise until the next need(). Not thread-safe, never throws.
//
// Limits: a window that is not a map grows to the largest n asked for; callers bound n by
// limits::kPcapngBlockBytes.
//
// A mapped file has the size it had when it was opened: what is appended later is not read. A file
// that somebody else truncates during the run ends the program with SIGBUS, as with any memory map;
// copy such a file first, or pipe it to standard input. What cannot be mapped is read with read(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"
#include "core/base/result.hpp"

namespace mxw::capture {

class Source {
 public:
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // True when n octets can be taken. False at the end of the input, or at trouble().
  [[nodiscard]] bool need(std::size_t n) { return n <= available() || fill(n); }
  [[nodiscard]] std::size_t available() const { return static_cast<std::size_t>(end_ - at_); }

  // REQUIRES: need(n) was true.
  [[nodiscard]] Bytes peek(std::size_t n) const {
    MXW_CHECK(n <= available());
    return {at_, n};
  }
  Bytes take(std::size_t n) {
    const Bytes run = peek(n);
    at_ += n;
    return run;
  }

  // n octets that stand `ahead` of the next one to take; null where the window does not hold them.
  [[nodiscard]] const std::uint8_t* glimpse(std::size_t ahead, std::size_t n) const {
    return ahead <= available() && n <= available() - ahead ? at_ + ahead : nullptr;
  }

  // Octets taken so far (of the inflated data for gzip).
  [[nodiscard]] std::uint64_t offset() const { return shown_ - available(); }
  [[nodiscard]] bool stable() const { return stable_; }

  // Why the octets ended before the input did: a read error or a damaged gzip stream; else empty.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  // Reads the rest of the input where a digest was asked for. Nothing may be taken afterwards.
  virtual void finish() = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  // octets as stored, known after finish()
  // Hex digest of the octets as stored, known after finish(); empty where none was asked for.
  [[nodiscard]] virtual const std::string& sha256() const = 0;

 protected:
  Source() = default;

  // Slow path of need(): called with n > available().
  virtual bool fill(std::size_t n) = 0;

  const std::uint8_t* at_ = nullptr;   // next octet to take
  const std::uint8_t* end_ = nullptr;  // end of the window
  std::uint64_t shown_ = 0;            // offset of end_ in the input
  bool stable_ = false;
  std::string trouble_;
};

// Opens a file, or standard input for `-`; gzip is recognised by its magic number and inflated.
// Errors (ErrorKind::input): cannot be opened, a directory, a FIFO, device or socket, an empty
// file, standard input that is a terminal.
Result<std::unique_ptr<Source>> open_source(const std::string& path, bool hash);

}  // namespace mxw::capture
