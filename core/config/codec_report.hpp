// Values that only [tlsrpt] has. Private to core/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config/codec.hpp"

namespace mxw::config {

// One [[tlsrpt.source]].
struct SourceTable {
  [[nodiscard]] std::string type() const;
  [[nodiscard]] std::optional<ReportSource> read(const toml::Node& node, std::string_view key,
                                                 toml::Problems& problems) const;
  [[nodiscard]] std::string print(const ReportSource& value) const;
};

// One [[tlsrpt.send.dkim]].
struct KeyFileTable {
  [[nodiscard]] std::string type() const;
  [[nodiscard]] std::optional<ReportKeyFile> read(const toml::Node& node, std::string_view key,
                                                  toml::Problems& problems) const;
  [[nodiscard]] std::string print(const ReportKeyFile& value) const;
};

}  // namespace mxw::config
