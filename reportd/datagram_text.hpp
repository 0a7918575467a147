// What becomes of the texts of an event before anybody keeps them. Pure but for the arena of the
// scanner, which holds what had to be written anew. Private to reportd.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/ip.hpp"

namespace mxw::reportd {

// A name as lower-case A-label without a final dot; a view of `text` where it is that already, else
// of `buffer`. Underscores are allowed: mail servers with them exist. nullopt: no name.
[[nodiscard]] std::optional<std::string_view> canonical_name(std::string_view text,
                                                             std::string& buffer);

// An mx pattern of a policy: a name, or `*.` and a name.
[[nodiscard]] std::optional<std::string_view> canonical_pattern(std::string_view text,
                                                                std::string& buffer);

// The name behind EHLO in what a mail server keeps of the reply: its first word, a name or an
// address literal; nullopt: neither.
[[nodiscard]] std::optional<std::string_view> ehlo_name(std::string_view reply,
                                                        std::string& buffer);

// Free text made harmless: control characters and octets that are not UTF-8 become `?`; a word with
// `@` or `%40` becomes `*`, since it may hold a local part or a message id, and so does the
// whole text where such a word may be quoted. At most `most` octets, cut between characters.
[[nodiscard]] std::string_view clean_text(std::string_view text, std::size_t most,
                                          std::string& buffer);

// The place of a line in a policy in canonical order: as RFC 8461 section 3.2 shows them.
[[nodiscard]] int line_rank(std::string_view line);

[[nodiscard]] IpAddress address_or_none(std::string_view text);

}  // namespace mxw::reportd
