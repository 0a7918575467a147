// The feed's lines (semantics 6): rows as NDJSON, the same on the socket and in cache files.
//
//   {"v":1,"seq":N,"op":"put","table":"domain","row":{...}}
//
// Members of a row are the members of its struct (core/rows), seq apart, which is the line's; times
// are integers of nanoseconds, addresses text, TLSA rdata lower-case hex; an optional without value
// and an address of family 0 are left out. Octets that are no UTF-8 become U+FFFD: nothing that
// anybody decides by holds such.
// The subject of a verdict is a word, its members stand beside it: `"subject":"path","mx_ip":..`;
// a verdict without `state`, or with a word of a later version, is void.
// A del of a set that was replaced has `"puts":K` beside its row: the K put lines behind it are the
// set there is now, and a reader takes all of them or none.
// Decoding is tolerant: unknown members are ignored, missing ones are empty (a time: long past).
// What is hostile or damaged is data: told by Line::skip, never an Error, never an exception. Pure,
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/limits.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

inline constexpr int kVersion = 1;
inline constexpr rows::Sequence kLastSequence = (rows::Sequence{1} << 53) - 1;  // JSON's integers

// A body of only control characters takes six octets for each (`\u0001`); all other members
// together, the largest row's, fit in 32 KiB the same way (a TLSRPT record of 4 KiB: 24 KiB).
inline constexpr std::size_t kLineBytes = 6 * limits::kPolicyBytes + (32 << 10);
// `{"v":1,"from":N}` has at most 32; the rest is for members to come.
inline constexpr std::size_t kHelloBytes = 1 << 10;
inline constexpr std::size_t kLineDepth = 8;  // ours has two levels

inline constexpr std::uint32_t kPuts = rows::kRoutesOfDomain;  // the largest set of one name

enum class Op : std::uint8_t { put, del, reset, end };

enum class Skip : std::uint8_t {
  none,
  not_json,       // or nested deeper than kLineDepth, longer than kLineBytes, no object
  version,        // no `v`, or not ours
  unknown_op,     // an op of a later version
  unknown_table,  // a table of a later version, or one this build does not hold
  wrong_type,     // a member of another type, out of its range, or a row without its name
  over_limit,     // a row over the limits of core/rows
};
inline constexpr std::size_t kSkips = 7;
[[nodiscard]] std::string_view name(Skip skip);

// `change` stands exactly in a put or del without `skip`. `seq` is there also in lines that are
// passed over, where it could be read: a reader goes on behind them.
struct Line {
  Op op = Op::put;
  rows::Sequence seq = 0;
  Skip skip = Skip::none;
  std::optional<rows::Change> change;
  std::uint32_t puts = 0;  // of a del: how many put lines belong to it, at most kPuts
};
[[nodiscard]] Line decode(std::string_view line);

// The `from` of a reader's first line; nullopt: it is none. `{"v":1}` asks for everything.
[[nodiscard]] std::optional<rows::Sequence> decode_hello(std::string_view line);

// Each appends one line with its LF.
void append_line(std::string& out, const rows::Deletion& row, std::uint32_t puts = 0);
void append_line(std::string& out, const rows::DomainRow& row);
void append_line(std::string& out, const rows::PolicyRow& row);
void append_line(std::string& out, const rows::RouteRow& row);
void append_line(std::string& out, const rows::TlsaRow& row);
void append_line(std::string& out, const rows::TlsrptRow& row);
void append_line(std::string& out, const rows::RereadRow& row);
void append_line(std::string& out, const rows::EventRow& row);
void append_line(std::string& out, const rows::PolicyFailureRow& row);
void append_line(std::string& out, const rows::VerdictRow& row);
void append_line(std::string& out, const rows::Change& change);
void append_reset(std::string& out, rows::Sequence head);
void append_end(std::string& out, rows::Sequence head);
void append_hello(std::string& out, rows::Sequence from);

}  // namespace mxw::feed
