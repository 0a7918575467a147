// The messages of policyd's ask socket (semantics 11): one JSON object per SEQPACKET packet.
//
//   {"v":1,"id":7,"op":"want","domain":"example.org"}     op: want, hint, reread, ping; those of
//                                                         reportd: core/feed/lookup.hpp
//   {"v":1,"id":7,"state":"policy","mode":"enforce","mx":["*.example.org"],"policy_id":"20261101",
//    "valid_until":1796083200000000000,"dane":"none"}     to want
//   {"v":1,"id":7,"state":"pong"}                         to ping
//
// hint and reread get no answer. Decoding is total: what is no such message is nullopt. Pure,
// thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/feed/lookup.hpp"
#include "core/policy/dane.hpp"
#include "core/policy/mta_sts.hpp"
#include "core/rows/policy_rows.hpp"

namespace mxw::feed {

inline constexpr std::size_t kAskBytes = 4'096;         // semantics 11
inline constexpr std::size_t kAskAnswerBytes = 65'536;  // core/ipc's default for one reply

// The last three are answered with a LookupAnswer.
enum class AskOp : std::uint8_t { want, hint, reread, ping, tlsrpt, dkim_key, address };
[[nodiscard]] AskOp op_of(LookupKind kind);
[[nodiscard]] std::optional<LookupKind> lookup_of(AskOp op);  // nullopt: none of the three

struct AskRequest {
  std::uint64_t id = 0;
  AskOp op = AskOp::want;
  std::string domain;  // or name, as sent, at most kNameBytes; empty only with ping
};

struct AskAnswer {
  std::uint64_t id = 0;
  bool pong = false;  // then nothing below
  rows::DomainState state = rows::DomainState::unknown;
  // With DomainState::policy.
  policy::Mode mode = policy::Mode::none;
  std::vector<std::string> mx;
  std::string policy_id;
  Time valid_until;
  policy::DaneState dane = policy::DaneState::none;
};

[[nodiscard]] std::string encode(const AskRequest& request);
// A policy whose patterns do not fit into one packet is told as `unknown`: the feed has it.
[[nodiscard]] std::string encode(const AskAnswer& answer);
[[nodiscard]] std::optional<AskRequest> decode_request(std::string_view message);
[[nodiscard]] std::optional<AskAnswer> decode_answer(std::string_view message);

}  // namespace mxw::feed
