// InflateSource: the inflated octets of a gzip stream (RFC 1952), several members one after
// another. Memory is bounded whatever the stream inflates to. Padding with zeros after the last
// member is ignored as gzip does; anything else there is trouble().
#pragma once

#include <zlib.h>

#include <memory>

#include "sensor/capture/buffer_source.hpp"

namespace mxw::capture {

class InflateSource final : public BufferSource {
 public:
  explicit InflateSource(std::unique_ptr<Source> compressed);
  ~InflateSource() override;

  void finish() override { compressed_->finish(); }
  [[nodiscard]] std::uint64_t size() const override { return compressed_->size(); }
  [[nodiscard]] const std::string& sha256() const override { return compressed_->sha256(); }

 private:
  std::size_t produce(std::span<std::uint8_t> room) override;
  bool next_member();
  std::size_t stop(std::string why);

  std::unique_ptr<Source> compressed_;
  z_stream stream_{};
  bool between_members_ = false;
  bool ended_ = false;
};

}  // namespace mxw::capture
