// Every limit on what a stranger can make us keep, with where the figure comes from. What exceeds a
// limit is counted under the name here and shown with the result; it is never dropped in silence.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/time.hpp"

namespace mxw::limits {

// Capture files.
inline constexpr std::size_t kPacketBytes = 262'144;        // libpcap's MAXIMUM_SNAPLEN
inline constexpr std::size_t kPcapngBlockBytes = 16 << 20;  // Wireshark refuses larger blocks
inline constexpr std::size_t kPcapngInterfaces = 1'024;
inline constexpr std::size_t kDecryptionSecretsBytes = 16 << 20;

// Decoding.
inline constexpr std::size_t kDecodeDepth = 16;  // layers before a packet is called too deep
inline constexpr std::size_t kFragmentDatagrams =
    4'096;  // Linux ipfrag keeps 4 MiB; ours is by count
inline constexpr std::size_t kFragmentBytes = 8 << 20;  // all waiting fragments together
inline constexpr std::size_t kFragmentPieces = 64;      // of one datagram: 65,535 / 1,280 and slack
inline constexpr std::int64_t kFragmentTimeout = 30 * kSecond;  // RFC 8200 section 4.5 allows 60
inline constexpr std::size_t kDuplicateWindow = 64;             // packets (semantics 4)
inline constexpr std::int64_t kDuplicateSpan = 10 * kMillisecond;

// Flows.
inline constexpr std::size_t kFlows = 1'000'000;
inline constexpr std::size_t kFlowBufferBytes = 256 << 10;     // waiting segments of one direction
inline constexpr std::size_t kAllFlowBufferBytes = 256 << 20;  // and of all flows together
inline constexpr std::size_t kFlowSegments = 512;              // waiting segments of one direction
inline constexpr std::size_t kRetainedBytes =
    2'048;  // delivered bytes kept to see a conflicting copy
inline constexpr std::int64_t kFlowIdle = 300 * kSecond;  // semantics 1: session ends
inline constexpr std::int64_t kFlowLinger = 5 * kSecond;  // after FIN both ways or RST
inline constexpr std::int64_t kPortReuseIdle =
    60 * kSecond;  // TIME-WAIT of common hosts: a SYN after it is new
inline constexpr std::int64_t kReorderWait = 500 * kMillisecond;  // a hole older than this is loss
inline constexpr std::size_t kReorderPackets = 64;                // or behind this many packets

// SMTP (RFC 5321 section 4.5.3 asks for 512; real servers send and take far more).
inline constexpr std::size_t kSmtpLineBytes = 4'096;
inline constexpr std::size_t kSmtpReplyLines = 128;
inline constexpr std::size_t kSmtpKeywords = 64;
inline constexpr std::size_t kSmtpPipeline = 1'024;  // commands without a reply yet
inline constexpr std::size_t kSmtpDialogueLines = 48;
inline constexpr std::size_t kSmtpTextBytes = 300;  // of a banner, name or reply kept as evidence
inline constexpr std::size_t kSmtpRecipients =
    100;  // RFC 5321 section 4.5.3.1.8, domains of a session
inline constexpr std::size_t kSmtpTransactions = 1'000;
inline constexpr std::size_t kSmtpDomains =
    1'000;  // kept of a session, ten times the recipients of a mail

// TLS (RFC 8446 section 5.1; certificate lists are what OpenSSL takes by default, 100 KiB).
inline constexpr std::size_t kTlsRecordBytes = 16'384 + 2'048;
inline constexpr std::size_t kTlsHandshakeBytes = 128 << 10;
inline constexpr std::size_t kTlsCertificates = 16;

// DNS (RFC 1035 section 2.3.4, RFC 9267 on compression).
inline constexpr std::size_t kDnsNameBytes = 255;
inline constexpr std::size_t kDnsCompressionJumps = 64;
inline constexpr std::size_t kDnsRecords = 256;
inline constexpr std::size_t kDnsQueries = 65'536;  // waiting for their answer

// Judging.
inline constexpr std::size_t kMapEntries = 200'000;
inline constexpr std::size_t kMapCandidates = 16;  // semantics 2
inline constexpr std::size_t kBaselineKeys = 1'000'000;
inline constexpr std::int64_t kRetryMemory = 5 * kDay;  // semantics 4: queue lifetime of an MTA
inline constexpr std::size_t kRetryKeys = 200'000;
inline constexpr std::size_t kFindingsInText = 10'000;

// Policies (RFC 8461 sections 3.2 and 3.3).
inline constexpr std::size_t kPolicyBytes = 65'536;
inline constexpr std::size_t kPolicyMx = 256;
inline constexpr std::uint64_t kPolicyMaxAge = 31'557'600;

}  // namespace mxw::limits
