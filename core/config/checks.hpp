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
[[nodiscard]] std::string check_source(std::string_view text);    // file:PATH, or retired
[[nodiscard]] std::string check_map_name(std::string_view text);  // of a socketmap

// `map` and `milter` of an earlier version: accepted in `domains_from`, without effect.
[[nodiscard]] bool is_retired_source(std::string_view text);

// local:PATH, unix:PATH, PATH, inet:PORT@HOST, inet6:PORT@HOST; without @HOST: every address
[[nodiscard]] std::string check_milter_socket(std::string_view text);
[[nodiscard]] std::string check_port(std::string_view text);
[[nodiscard]] std::string check_daemon_name(std::string_view text);  // of an MTA: any word
[[nodiscard]] std::string check_authserv_id(std::string_view text);  // RFC 8601 2.2, a token
// Lists of the milter; `!` before an entry takes it out.
[[nodiscard]] std::string check_client(std::string_view text);      // host, .domain, prefix
[[nodiscard]] std::string check_recipients(std::string_view text);  // domain, .domain, *
[[nodiscard]] std::string check_recipient(std::string_view text);   // domain, .domain

// Of TLS reports.
[[nodiscard]] std::string check_socket(std::string_view text);      // a path that fits sun_path
[[nodiscard]] std::string check_word(std::string_view text);        // letters, digits, `-`, `_`
[[nodiscard]] std::string check_host(std::string_view text);        // a host name
[[nodiscard]] std::string check_address(std::string_view text);     // LOCAL@DOMAIN, dot-atom
[[nodiscard]] std::string check_local_part(std::string_view text);  // letters, digits, hyphens
[[nodiscard]] std::string check_organisation(std::string_view text);
[[nodiscard]] std::string check_selector(std::string_view text);  // RFC 6376 section 3.1

[[nodiscard]] Result<IpAddress> address(std::string_view text);
[[nodiscard]] Result<Endpoint> server_endpoint(std::string_view text);    // port 53 when not given
[[nodiscard]] Result<Endpoint> optional_endpoint(std::string_view text);  // empty: family 0
[[nodiscard]] Result<Cidr> prefix(std::string_view text);

}  // namespace mxw::config
