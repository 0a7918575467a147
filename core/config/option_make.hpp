// How a line of the option table is made. Private to core/config.
#pragma once

#include <utility>
#include <vector>

#include "core/config/codec.hpp"
#include "core/config/options.hpp"

namespace mxw::config {

enum class Reload : std::uint8_t { no, yes };

// The member `member` of the table `table`, of a Config that is const or not.
template <typename S, typename T>
auto at(S Config::* table, T S::* member) {
  return [table, member](auto& config) -> auto& { return config.*table.*member; };
}

template <typename Codec, typename Access>
Option option(std::string_view table, std::string_view key, Codec codec, Access access,
              Reload reload, std::string_view help, std::string_view unit = "") {
  Option made{table, key, codec.type(), unit, reload == Reload::yes, help, {}, {}};
  made.read = [key, codec, access](const toml::Node& node, toml::Problems& problems,
                                   Config& config) {
    if (auto value = codec.read(node, key, problems)) access(config) = *std::move(value);
  };
  made.print = [codec, access](const Config& config) { return codec.print(access(config)); };
  return made;
}

template <typename S>
Option milliseconds(std::string_view table, std::string_view key, S Config::* part,
                    std::int64_t S::* member, std::int64_t max, Reload reload,
                    std::string_view help) {
  return option(table, key, Number<std::int64_t>{1, max, kMillisecond}, at(part, member), reload,
                help, "ms");
}

template <typename S>
Option seconds(std::string_view table, std::string_view key, S Config::* part,
               std::int64_t S::* member, std::int64_t max, Reload reload, std::string_view help) {
  return option(table, key, Number<std::int64_t>{1, max, kSecond}, at(part, member), reload, help,
                "s");
}

template <typename S, typename T>
Option count(std::string_view table, std::string_view key, S Config::* part, T S::* member,
             std::int64_t max, std::string_view help) {
  return option(table, key, Number<T>{1, max}, at(part, member), Reload::no, help);
}

template <typename S>
Option boolean(std::string_view table, std::string_view key, S Config::* part, bool S::* member,
               Reload reload, std::string_view help) {
  return option(table, key, Boolean{}, at(part, member), reload, help);
}

inline std::string prefix_text(const Cidr& cidr) {
  return cidr.text();
}

// [milter] and [milter.defer].
void add_milter_options(std::vector<Option>& to);
// [reportd], [tlsrpt], [tlsrpt.send] and [intake].
void add_report_options(std::vector<Option>& to);

}  // namespace mxw::config
