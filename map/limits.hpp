// Every bound of the map service on what its clients, or those who choose the names in their mail,
// can make it keep. What exceeds one is counted (map/counters.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/time.hpp"

namespace mxw::map::limits {

// The protocol: what Postfix keeps to (src/util/dict_sockmap.c). Sendmail's keys are shorter.
inline constexpr std::size_t kQueryBytes = 10'000;
inline constexpr std::size_t kReplyBytes = 100'000;
// A key that can name a domain: 253 octets as A-labels; U-labels and brackets have room.
inline constexpr std::size_t kKeyBytes = 1'024;

// A connection. One read takes at most kReadBytes, and what of it cannot be answered yet is held.
inline constexpr std::size_t kReadBytes = 64 << 10;
inline constexpr std::size_t kPipelined = 64;           // questions behind one that waits
inline constexpr std::size_t kOutputBytes = 128 << 10;  // then nothing more is read
inline constexpr std::size_t kAllBufferBytes = 64 << 20;
inline constexpr std::int64_t kIdle = 300 * kSecond;  // Postfix closes after 10 s, at most 100 s
inline constexpr std::int64_t kAcceptPause = 100 * kMillisecond;  // out of descriptors, none idle
inline constexpr int kAcceptsPerTurn = 64;
inline constexpr int kRoundsPerTurn = 16;  // of kOutputBytes to one client, then others have a turn

// Knowledge (semantics 11): 100,000 policies, 200,000 `none` rows, and as many pins as one likes to
// write by hand.
inline constexpr std::size_t kRows = 301'024;

// Waiting for policyd (semantics 11).
inline constexpr std::int64_t kVainMemory = 60 * kSecond;
inline constexpr unsigned kVainInRow = 3;
inline constexpr std::int64_t kPing = 5 * kSecond;
// 1,000 questions of 3 s for 60 s are 20,000; full means that nobody waits, so it may be less.
inline constexpr std::size_t kVainDomains = 16'384;

// Freshness (semantics 11).
inline constexpr std::int64_t kNoneHot = 24 * kHour;
inline constexpr std::int64_t kNoneFresh = 1 * kHour;
inline constexpr std::int64_t kPolicyFresh = 5 * kMinute;
inline constexpr std::int64_t kDaneGrace = 24 * kHour;  // as core/rows: routes count a day longer

// Aggregates of one minute. A busy host asks for some thousand domains a minute.
inline constexpr std::size_t kTallyEntries = 16'384;
inline constexpr std::size_t kTallyNameBytes = 1 << 20;
inline constexpr std::size_t kAnswersFileBytes = 64 << 20;  // semantics 11: 2 x 64 MiB

}  // namespace mxw::map::limits
