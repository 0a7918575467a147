#include "core/report/gzip.hpp"

#include <zlib.h>

#include <array>

#include "core/base/check.hpp"
#include "core/report/limits.hpp"

namespace mxw::report {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window, with header and trailer of gzip
constexpr int kUnknownSystem = 255;   // RFC 1952 section 2.3.1
constexpr std::size_t kStep = 64 << 10;

// zlib takes its input by a pointer to what it does not write.
Bytef* octets_of(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

struct Inflater {
  z_stream stream{};
  Inflater() { MXW_CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

bool out_of_proportion(std::size_t written, std::size_t read) {
  return written > kInflatedBytes || (written > kInflateFree && written / kInflateRatio > read);
}

}  // namespace

std::string gzip(std::string_view text) {
  z_stream stream{};
  MXW_CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                         Z_DEFAULT_STRATEGY) == Z_OK);
  gz_header header{};
  header.os = kUnknownSystem;
  MXW_CHECK(deflateSetHeader(&stream, &header) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = octets_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  MXW_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool is_gzip(std::string_view octets) {
  return octets.starts_with("\x1f\x8b");
}

std::expected<std::string, Refusal> gunzip(std::string_view octets) {
  if (octets.size() > kInputBytes) return std::unexpected(Refusal::too_large);
  if (!is_gzip(octets)) return std::unexpected(Refusal::gzip_damaged);
  Inflater inflater;
  z_stream& stream = inflater.stream;
  stream.next_in = octets_of(octets);
  stream.avail_in = static_cast<uInt>(octets.size());
  std::string out;
  std::array<char, kStep> step;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = static_cast<uInt>(step.size());
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) return std::unexpected(Refusal::gzip_damaged);
    out.append(step.data(), step.size() - stream.avail_out);
    if (out_of_proportion(out.size(), stream.total_in)) return std::unexpected(Refusal::bomb);
  }
  const std::string_view behind = octets.substr(octets.size() - stream.avail_in);
  if (behind.empty()) return out;
  return std::unexpected(is_gzip(behind) ? Refusal::second_member : Refusal::trailing_bytes);
}

}  // namespace mxw::report
