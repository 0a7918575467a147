// What single texts of the configuration must be; each gives why one is refused, empty when good.
#pragma once

#include <string>
#include <string_view>

#include "core/base/ip.hpp"
#include "core/base/result.hpp"

namespace mxw::config {

[[nodiscard]] std::string check_path(std::string_view text);      // absolute, no NUL, no `..`
[[nodiscard]] std::string check_user(std::string_view text);      // a name or a numeric id
[[nodiscard]] std::string check_listen(std::string_view text);    // parse_listen()
[[nodiscard]] std::string check_source(std::string_view text);    // file:PATH
[[nodiscard]] std::string check_map_name(std::string_view text);  // of a socketmap

[[nodiscard]] Result<Endpoint> server_endpoint(std::string_view text);    // port 53 when not given
[[nodiscard]] Result<Endpoint> optional_endpoint(std::string_view text);  // empty: family 0
[[nodiscard]] Result<Cidr> prefix(std::string_view text);

}  // namespace mxw::config
