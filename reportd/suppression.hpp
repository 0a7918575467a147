// Bounces of report mail (RFC 3464) and the addresses they suppress (semantics 8).
//
// A multipart/report with a message/delivery-status in which a recipient has `Action: failed` and
// `Status: 5.x.x`, sent to one of our return paths, suppresses the address the token there was made
// for; the address is looked for in Original-Recipient, Final-Recipient and the To of the returned
// message. Everything else is no bounce, and hostile input is data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/report_store.hpp"
#include "reportd/return_path.hpp"

namespace mxw::reportd {

inline constexpr std::int64_t kSuppressionSpan = 30 * kDay;
inline constexpr std::size_t kBounceBytes = 1 << 20;  // ours is a few KiB and comes back as headers
inline constexpr std::size_t kBounceParts = 16;
inline constexpr std::size_t kBounceRecipients = 16;

struct Bounce {
  std::vector<std::string> failed;  // mailboxes with Action: failed and Status: 5.x.x
  std::vector<std::string> to;      // of the returned message
  std::string status;               // of the first that failed
};
// nullopt for what is no multipart/report with a delivery-status.
[[nodiscard]] std::optional<Bounce> read_bounce(std::string_view message);

class Suppression {
 public:
  Suppression(store::ReportStore& store, ReturnPath return_path, std::string origin,
              std::uint32_t tenant = 0);

  struct Counters {
    std::uint64_t suppressed = 0;
    std::uint64_t no_bounce = 0;  // no multipart/report, or nothing of it failed for good
    std::uint64_t bad_token = 0;  // of no address the bounce names
    std::uint64_t store_errors = 0;
  };
  enum class Taken : std::uint8_t { yes, ignored, store_error };

  // REQUIRES: `recipient` is a return path of ours (ReturnPath::token).
  Taken take(std::string_view recipient, std::string_view message, Time now);
  [[nodiscard]] bool is_return_path(std::string_view mailbox) const;
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  store::ReportStore& store_;
  ReturnPath return_path_;
  std::string origin_;
  std::uint32_t tenant_;
  Counters counters_;
};

}  // namespace mxw::reportd
