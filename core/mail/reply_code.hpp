// SMTP reply codes and enhanced status codes a sensor or a milter looks at, with the section that
// defines each. Codes are numbers as on the wire; 0 stands for "no reply seen" and belongs to no
// class. Enhanced codes are the text at the start of a reply (RFC 2034 section 4).
#pragma once

#include <cstdint>
#include <string_view>

namespace mxw::mail {

// Positive (RFC 5321 section 4.2.1).
inline constexpr std::uint16_t kSystemStatus = 211;    // RFC 5321 4.2.2
inline constexpr std::uint16_t kHelp = 214;            // RFC 5321 4.2.2
inline constexpr std::uint16_t kServiceReady = 220;    // RFC 5321 4.2.2; to STARTTLS: RFC 3207 4
inline constexpr std::uint16_t kServiceClosing = 221;  // RFC 5321 4.2.2, to QUIT
inline constexpr std::uint16_t kAuthSucceeded = 235;   // RFC 4954 6
inline constexpr std::uint16_t kOk = 250;              // RFC 5321 4.2.2
inline constexpr std::uint16_t kWillForward = 251;     // RFC 5321 4.2.2, recipient not local, taken
inline constexpr std::uint16_t kCannotVerify = 252;    // RFC 5321 4.2.2, to VRFY
inline constexpr std::uint16_t kAuthContinue = 334;    // RFC 4954 4, a challenge
inline constexpr std::uint16_t kStartMailInput = 354;  // RFC 5321 4.2.2, to DATA

// Transient: the same command may succeed later.
inline constexpr std::uint16_t kServiceNotAvailable =
    421;                                            // RFC 5321 4.2.2, to anything; it closes
inline constexpr std::uint16_t kMailboxBusy = 450;  // RFC 5321 4.2.2
inline constexpr std::uint16_t kLocalError = 451;   // RFC 5321 4.2.2
inline constexpr std::uint16_t kInsufficientStorage =
    452;                                                // RFC 5321 4.2.2; too many RCPT: 4.5.3.1.10
inline constexpr std::uint16_t kTlsNotAvailable = 454;  // RFC 3207 4, temporary; AUTH: RFC 4954 6
inline constexpr std::uint16_t kCannotAccommodate = 455;  // RFC 5321 4.2.2, parameters

// Permanent.
inline constexpr std::uint16_t kUnrecognized = 500;  // RFC 5321 4.2.2, also a line too long
inline constexpr std::uint16_t kBadParameters =
    501;  // RFC 5321 4.2.2; STARTTLS with any: RFC 3207 4
inline constexpr std::uint16_t kNotImplemented = 502;    // RFC 5321 4.2.4
inline constexpr std::uint16_t kBadSequence = 503;       // RFC 5321 4.2.2
inline constexpr std::uint16_t kParameterUnknown = 504;  // RFC 5321 4.2.2
inline constexpr std::uint16_t kNoMailServer = 521;      // RFC 7504 3, host takes no mail
inline constexpr std::uint16_t kTlsRequired = 530;       // RFC 3207 4; authentication: RFC 4954 6
inline constexpr std::uint16_t kAuthTooWeak = 534;       // RFC 4954 6
inline constexpr std::uint16_t kAuthFailed = 535;        // RFC 4954 6
inline constexpr std::uint16_t kAuthNeedsEncryption = 538;  // RFC 4954 6
inline constexpr std::uint16_t kMailboxUnavailable =
    550;                                                // RFC 5321 4.2.2, also rejected by policy
inline constexpr std::uint16_t kUserNotLocal = 551;     // RFC 5321 4.2.2
inline constexpr std::uint16_t kStorageExceeded = 552;  // RFC 5321 4.2.2
inline constexpr std::uint16_t kMailboxNameInvalid = 553;  // RFC 5321 4.2.2
inline constexpr std::uint16_t kTransactionFailed = 554;  // RFC 5321 4.2.2; as a banner: no service
inline constexpr std::uint16_t kParametersRefused = 555;  // RFC 5321 4.2.2, of MAIL or RCPT
inline constexpr std::uint16_t kDomainTakesNoMail = 556;  // RFC 7504 4

// Enhanced status codes (RFC 3463 section 3.8 unless said).
inline constexpr std::string_view kEnhancedSecurityTemporary = "4.7.0";    // other or undefined
inline constexpr std::string_view kEnhancedSecurityPermanent = "5.7.0";    // RFC 3207: TLS first
inline constexpr std::string_view kEnhancedNotAuthorized = "5.7.1";        // delivery refused
inline constexpr std::string_view kEnhancedNoSecurityTemporary = "4.7.4";  // features not supported
inline constexpr std::string_view kEnhancedNoSecurityPermanent = "5.7.4";
inline constexpr std::string_view kEnhancedCryptoTemporary = "4.7.5";  // cryptographic failure
inline constexpr std::string_view kEnhancedCryptoPermanent = "5.7.5";
inline constexpr std::string_view kEnhancedEncryptionNeeded = "5.7.10";     // RFC 5248 2.4
inline constexpr std::string_view kEnhancedAuthNeedsEncryption = "5.7.11";  // RFC 5248 2.4
inline constexpr std::string_view kEnhancedRequireTls =
    "5.7.30";                                                  // RFC 8689 4.2.1, next hop lacks it
inline constexpr std::string_view kEnhancedNullMx = "5.1.10";  // RFC 7505 4.1

// The classes of the first digit. Positive is completion, 2yz: what "accepted" means for EHLO,
// MAIL, RCPT and the end of DATA. 3yz asks for more and is neither success nor failure.
[[nodiscard]] constexpr bool is_positive(unsigned code) {
  return code >= 200 && code <= 299;
}
[[nodiscard]] constexpr bool is_intermediate(unsigned code) {
  return code >= 300 && code <= 399;
}
[[nodiscard]] constexpr bool is_transient(unsigned code) {
  return code >= 400 && code <= 499;
}
[[nodiscard]] constexpr bool is_permanent(unsigned code) {
  return code >= 500 && code <= 599;
}

}  // namespace mxw::mail
