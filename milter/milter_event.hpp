// Events `milter` in EVE (docs/output-format.md): one line for each decision, for a message of
// which there is more to say, and for the breaker. No local part is in a note, so none is in an
// event. Pure functions.
#pragma once

#include <string>

#include "milter/recorder.hpp"

namespace mxw::milter {

// A session's name in events and rows: 16 hexadecimal digits.
[[nodiscard]] std::string session_name(std::uint64_t session);

// The codes of a deferral, done or wished: `451 4.7.4`; else empty.
[[nodiscard]] std::string code_text(const Decision& decision);

// A line with its line feed.
void append_event(std::string& out, const DecisionNote& note);
void append_event(std::string& out, const MessageNote& note);
void append_breaker_event(std::string& out, Time time, Breaker::Counts counts);

}  // namespace mxw::milter
