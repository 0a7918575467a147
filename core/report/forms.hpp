// What the writer and the reader of reports know of the forms of RFC 8460. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mxw::report {

// `sts`, `tlsa` or `no-policy-found` (RFC 8460 section 4.4).
[[nodiscard]] bool is_policy_type(std::string_view text);

// A TLSA record in presentation form, four fields (RFC 6698 section 2.2): digits as text.
[[nodiscard]] bool is_tlsa(std::string_view text);

// The name as lower-case A-labels of at most 253 octets without a final dot; underscores as the DNS
// has them, but not at the end of a label. nullopt for what is none.
[[nodiscard]] std::optional<std::string> canonical_name(std::string_view text);
// As canonical_name(), `*.` before it allowed (RFC 8461 section 4.1).
[[nodiscard]] std::optional<std::string> canonical_pattern(std::string_view text);

// At most `limit` octets, cut between characters where the text is UTF-8.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t limit);

// The text before the first CR or LF.
[[nodiscard]] std::string_view first_line(std::string_view text);

// With `?` for every control character (C0, DEL and, as UTF-8, C1).
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] bool is_printable(std::string_view text);

// A dot-atom of RFC 5322 section 3.2.3.
[[nodiscard]] bool is_dot_atom(std::string_view text);

}  // namespace mxw::report
