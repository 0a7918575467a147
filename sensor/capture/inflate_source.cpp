#include "sensor/capture/inflate_source.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace mxw::capture {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h: largest window, gzip wrapping
constexpr std::uint8_t kGzipFirst = 0x1f;

}  // namespace

InflateSource::InflateSource(std::unique_ptr<Source> compressed)
    : compressed_(std::move(compressed)) {
  MXW_CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK);
}

InflateSource::~InflateSource() {
  inflateEnd(&stream_);
}

std::size_t InflateSource::stop(std::string why) {
  ended_ = true;
  trouble_ = std::move(why);
  return 0;
}

// Between two members: true when another one begins.
bool InflateSource::next_member() {
  while (compressed_->need(1) && compressed_->peek(1)[0] == 0) (void)compressed_->take(1);
  if (!compressed_->need(1)) {
    stop(compressed_->trouble());
    return false;
  }
  if (compressed_->peek(1)[0] != kGzipFirst) {
    stop("other data follows the gzip stream");
    return false;
  }
  between_members_ = false;
  return inflateReset(&stream_) == Z_OK;
}

std::size_t InflateSource::produce(std::span<std::uint8_t> room) {
  const std::size_t limit = std::min<std::size_t>(room.size(), std::numeric_limits<uInt>::max());
  stream_.next_out = room.data();
  stream_.avail_out = static_cast<uInt>(limit);
  while (!ended_ && stream_.avail_out == limit) {
    if (between_members_ && !next_member()) break;
    if (!compressed_->need(1)) {
      const std::string& why = compressed_->trouble();
      return stop(why.empty() ? "the gzip stream is cut" : why);
    }
    const std::size_t given =
        std::min<std::size_t>(compressed_->available(), std::numeric_limits<uInt>::max());
    const Bytes input = compressed_->peek(given);
    stream_.next_in = const_cast<Bytef*>(input.data());  // zlib's interface predates const
    stream_.avail_in = static_cast<uInt>(given);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    (void)compressed_->take(given - stream_.avail_in);
    if (status == Z_STREAM_END)
      between_members_ = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      stop("the gzip stream is damaged");
  }
  return limit - stream_.avail_out;
}

}  // namespace mxw::capture
