// The reply to EHLO or HELO as evidence (RFC 5321 section 4.1.1.1, semantics 1 "offered").
#pragma once

#include "core/base/redact.hpp"
#include "core/evidence/session.hpp"
#include "sensor/smtp/reply.hpp"

namespace mxw::session {

[[nodiscard]] evidence::Greeting read_greeting(bool esmtp, std::string_view name,
                                               const smtp::Reply& reply, const Redactor& redactor);

// 8 or more `*` or `X` in runs of at least 4: some device masked it (a host name may be left).
[[nodiscard]] bool is_masked_banner(std::string_view text);

// An unknown command that stands where STARTTLS was due: 8 characters, at least 4 of them X or *,
// the others as in STARTTLS.
[[nodiscard]] bool is_overwritten_starttls(std::string_view line);

}  // namespace mxw::session
