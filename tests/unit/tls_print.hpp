// Every field of the evidence as text, so that two parsers are compared as a whole and a difference
// is read at a glance.
#pragma once

#include <sstream>
#include <string>

#include "core/base/digest.hpp"
#include "sensor/tls/parser.hpp"

namespace mxw::test {

inline std::string print(const evidence::FrameRef& at) {
  return std::to_string(at.file) + ":" + std::to_string(at.frame) + "@" +
         std::to_string(at.time.ns);
}

inline std::string print(const evidence::TlsEvidence& seen) {
  std::ostringstream out;
  out << "client_hello " << seen.client_hello << " server_hello " << seen.server_hello << " retry "
      << seen.hello_retry << " completed " << seen.completed << " resumed " << seen.resumed
      << " anonymous " << seen.anonymous << " sentinel " << seen.downgrade_sentinel
      << " offered_13 " << seen.offered_13 << " not_tls " << seen.client_not_tls
      << seen.server_not_tls << " certificate " << seen.certificate_seen << "\nversion "
      << seen.version << " of " << seen.client_version << " cipher " << seen.cipher << " stage "
      << static_cast<int>(seen.fail_stage) << "\nrandom " << hex(seen.client_random) << " "
      << hex(seen.server_random) << "\nsni '" << seen.sni << "' alpn '" << seen.server_alpn
      << "' of";
  for (const std::string& alpn : seen.client_alpns) out << " '" << alpn << "'";
  out << "\nja3 " << seen.ja3 << " " << seen.ja3_string << "\nja3s " << seen.ja3s << " "
      << seen.ja3s_string << "\nja4 " << seen.ja4 << "\n";
  if (seen.chain) {
    for (const auto& der : *seen.chain) out << "der " << hex(sha256(der)) << "\n";
  }
  for (const evidence::TlsAlert& alert : seen.alerts) {
    out << "alert " << static_cast<int>(alert.from) << " " << int{alert.level} << " "
        << int{alert.description} << " at " << print(alert.at) << "\n";
  }
  out << "at " << print(seen.client_hello_at) << " " << print(seen.server_hello_at) << " "
      << print(seen.certificate_at) << " " << print(seen.completed_at) << "\n";
  return out.str();
}

inline std::string print(const tls::Parser& parser) {
  return print(parser.evidence()) + "hello_seen " + std::to_string(parser.hello_seen()) +
         " settled " + std::to_string(parser.settled()) + " lost " + std::to_string(parser.lost());
}

}  // namespace mxw::test
