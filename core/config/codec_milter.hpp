// Values that only [milter] has. Private to core/config.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/codec.hpp"

namespace mxw::config {

// The mode of a file, as chmod(1) has it: `"0660"`.
struct FileMode {
  [[nodiscard]] std::string type() const { return "octal digits, \"0000\" to \"0777\""; }
  [[nodiscard]] std::optional<unsigned> read(const toml::Node& node, std::string_view key,
                                             toml::Problems& problems) const;
  [[nodiscard]] std::string print(unsigned mode) const;
};

// A number of [min, max] that may have a fraction.
struct Decimal {
  double min, max;

  [[nodiscard]] std::string type() const;
  [[nodiscard]] std::optional<double> read(const toml::Node& node, std::string_view key,
                                           toml::Problems& problems) const;
  [[nodiscard]] std::string print(double value) const;
};

// 4 or 6.
struct Family {
  [[nodiscard]] std::string type() const { return "4, 6"; }
  [[nodiscard]] std::optional<unsigned> read(const toml::Node& node, std::string_view key,
                                             toml::Problems& problems) const;
  [[nodiscard]] std::string print(unsigned family) const { return std::to_string(family); }
};

// One [[milter.override]].
struct OverrideTable {
  Word<MilterAction> action;

  [[nodiscard]] std::string type() const;
  [[nodiscard]] std::optional<MilterOverride> read(const toml::Node& node, std::string_view key,
                                                   toml::Problems& problems) const;
  [[nodiscard]] std::string print(const MilterOverride& value) const;
};

}  // namespace mxw::config
