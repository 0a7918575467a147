// What is kept of a report, and how much is read to find it. Beyond a limit of the second block the
// report is refused; beyond one of the third it is cut, and the deviation `text-cut` or `list-cut`
// says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mxw::report {

inline constexpr std::uint64_t kCount = std::uint64_t{1}
                                        << 53;  // RFC 7493 section 2.2, semantics 8

inline constexpr std::size_t kInputBytes = 32 << 20;  // a mail three times the usual limit of 10 MB
inline constexpr std::size_t kInflatedBytes = 20 << 20;  // mox takes as much
inline constexpr std::size_t kInflateRatio = 200;        // reports seen: below 40
inline constexpr std::size_t kInflateFree = 1 << 20;  // output to which the ratio is not looked at
inline constexpr std::size_t kJsonDepth = 32;         // a report needs 6
inline constexpr std::size_t kJsonValues = 250'000;   // of all kinds; 25,000 failure details
inline constexpr std::size_t kMailDepth = 8;          // multiparts and messages in one another
inline constexpr std::size_t kMailParts = 64;
inline constexpr std::size_t kMailTries = 4;            // parts of a mail read as a report
inline constexpr std::size_t kHeaderBytes = 256 << 10;  // of a message or part

inline constexpr std::size_t kTextBytes = 512;          // organization, contact, report-id, types
inline constexpr std::size_t kPolicyLineBytes = 2'048;  // of policy-string
inline constexpr std::size_t kPolicyLines = 512;        // limits::kPolicyMx, and as many again
inline constexpr std::size_t kMxHosts = 256;            // limits::kPolicyMx
inline constexpr std::size_t kNameBytes = 255;          // RFC 1035 section 2.3.4
inline constexpr std::size_t kHeloBytes = 255;
inline constexpr std::size_t kReasonBytes = 512;
inline constexpr std::size_t kAdditionalBytes = 2'048;  // a URI
inline constexpr std::size_t kPolicies = 1'000;
inline constexpr std::size_t kDetails = 10'000;  // of one policy

}  // namespace mxw::report
