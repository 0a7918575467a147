// DatagramReader: one datagram of libtlsrpt's protocol, version 1, read into a TallyEvent.
//
// A datagram is one JSON object (top level `dpv`, `d`, `pr`, `policies`; the rest is passed over).
// It may come from any process that can write the socket, so every octet is hostile: whatever it
// holds, the outcome is an event or one word of garbage, all or nothing. What a mail server hands
// through from a stranger (EHLO text, reasons, policies with octets that are not UTF-8) is made
// harmless instead: such octets and control characters become `?`, addresses become `*`.
//
// Canonical form: members in any order; lines of a policy `version`, `mode`, `mx` ascending,
// `max_age`, others ascending, each once; TLSA lines and mx patterns in lower case, ascending, each
// once. receiving-mx-helo is cut to the name behind EHLO; additional-information is not read. A
// code the protocol does not have is validation-failure with the reason `code-N`.
//
// No allocation once its buffers have grown to the largest datagram; under 1 us for a usual one.
// An event is good until the next read(), and while the datagram is there. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reportd/tally_event.hpp"

namespace mxw::reportd {

// Why a datagram is not counted; the word is what metrics and log say.
enum class Garbage : std::uint8_t {
  syntax,       // no JSON text, or something behind it
  depth,        // arrays and objects deeper than kDatagramDepth
  type,         // no object, or a member of another type than the protocol has
  twice,        // a member that comes twice
  version,      // dpv is there and not "1"
  domain,       // `d` is missing or no host name, or policy-domain is none
  record,       // `pr` is missing
  no_policies,  // none, or missing
  policy_type,  // missing, or not 1, 2 or 9
  no_final,     // `f` is missing, or not 0 or 1
  nul,          // an escaped NUL, which ends a string for libtlsrpt
  too_large,    // more members, lines or octets than the limits below
};
inline constexpr std::size_t kGarbageWords = 12;
[[nodiscard]] std::string_view name(Garbage word);

// Limits. wmem_default (212,992) bounds what a sender gets into the kernel.
inline constexpr std::size_t kDatagramBytes = 256 << 10;
inline constexpr std::size_t kDatagramDepth = 8;            // the protocol has 5
inline constexpr std::size_t kDatagramPolicies = 64;        // Postfix sends one
inline constexpr std::size_t kDatagramFailures = 64;        // of a policy; Postfix sends one
inline constexpr std::size_t kDatagramLines = 1'024;        // limits::kPolicyMx, four times
inline constexpr std::size_t kDatagramRecordBytes = 4'096;  // policy::kTlsrptRecordBytes

class DatagramReader {
 public:
  DatagramReader();
  ~DatagramReader();
  DatagramReader(const DatagramReader&) = delete;
  DatagramReader& operator=(const DatagramReader&) = delete;

  // The reference holds until the next call.
  [[nodiscard]] std::expected<const TallyEvent*, Garbage> read(std::string_view datagram);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace mxw::reportd
