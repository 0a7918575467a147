// Files with reports of others: single ones, mailboxes (mbox) and folders of mails (maildir).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace mxw::cli {

inline constexpr std::size_t kMailboxBytes = 1UL << 30;  // of a file with many mails

// At most report::kInputBytes and one octet, so that a longer one is told as what it is; `-` is
// standard input. Error (input): it cannot be read.
[[nodiscard]] Result<std::string> read_report_file(const std::string& path);

// The mails of an mbox (RFC 4155: lines `From ` behind an empty line; `>From ` is unquoted). What
// does not begin so is one.
[[nodiscard]] std::vector<std::string> split_mbox(std::string_view text);

// Each report or mail of a file, a mailbox or a folder (all regular files of it and of its `cur`
// and `new`), with the name it is spoken of. Error (input): `path` cannot be read; a file of a
// folder that cannot be is passed over with a warning.
using EachMail = std::function<Result<void>(const std::string& name, std::string_view octets)>;
[[nodiscard]] Result<void> for_each_mail(const std::string& path, const EachMail& each);

}  // namespace mxw::cli
