// JA3, JA3S (github.com/salesforce/ja3) and JA4 (the TLS client part of github.com/FoxIO-LLC/ja4,
// technical_details/JA4.md): what software says hello. Pure functions; GREASE values (RFC 8701) are
// ignored in all of them. Lists longer than kHelloValues are cut there.
#pragma once

#include <string>
#include <string_view>

#include "sensor/tls/hello.hpp"

namespace mxw::tls {

// The text JA3 hashes: `769,47-53-5,0-10-11,23-24-25,0`.
[[nodiscard]] std::string ja3_string(const ClientHello& hello);
[[nodiscard]] std::string ja3s_string(const ServerHello& hello);
// MD5 of it, in hex.
[[nodiscard]] std::string ja3_hash(std::string_view text);

// `t13d1516h2_8daaf6152771_e5627efa2ab1`.
[[nodiscard]] std::string ja4(const ClientHello& hello);

}  // namespace mxw::tls
