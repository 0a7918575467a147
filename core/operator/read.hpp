// Reading operator files once. Their content is data: whatever stands there, the result is a state,
// and a file that is not understood has no effect on any other.
//
//   enforcement.json  not understood, too large, no regular file: off until its mtime + 4 h;
//                     not there or state `on`: not off.
//   domain/X.json     ignored and noted when X is no lower-case A-label, the file is a link, no
//                     regular file, larger than kFileBytes, no such object, or void.
// Void is an end more than 7 days after the file was written (its mtime, but now where that is
// ahead of it), and a bypass or report_only without an end. Names with a leading dot are files
// being written.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {

// Never nullptr. A directory that is not there says nothing; one that cannot be read neither, with
// a note. Blocks for the disk.
[[nodiscard]] std::shared_ptr<const OperatorState> read_operator_state(const std::string& dir,
                                                                       Time now);

// The contents alone; `written` is the file's mtime. The error is the reason in words.
[[nodiscard]] std::expected<DomainBrake, std::string> parse_brake(std::string_view json,
                                                                  Time written, Time now);
[[nodiscard]] Enforcement parse_enforcement(std::string_view json, Time written, Time now);
// Of a file that cannot be understood; an mtime so far ahead that the end would be void is void.
[[nodiscard]] Enforcement unreadable_enforcement(Time written, Time now, std::string reason);

}  // namespace mxw::operators
