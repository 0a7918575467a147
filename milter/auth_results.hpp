// Authentication-Results (RFC 8601): forged results of our own methods taken out of what others
// wrote, and our own header written. Pure functions, thread-safe, linear in their input, total on
// any octets.
//
// Values are what an MTA gives a milter: what follows the colon, with folds as LF or CRLF and a
// blank, with or without the blank before it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::milter {

inline constexpr std::string_view kAuthenticationResults = "Authentication-Results";
inline constexpr std::string_view kMethodTls = "x-tls";
inline constexpr std::string_view kMethodMtaSts = "x-mta-sts";

struct Stripped {
  enum class Kind : std::uint8_t {
    kept,     // not ours to touch
    changed,  // `value` is without the clauses of our methods, else octet by octet the same
    removed,  // nothing else was in it, or it cannot be parsed and names our methods and our id
  };
  Kind kind = Kind::kept;
  std::string value;        // of changed
  std::size_t clauses = 0;  // taken out
};

// Takes out the results of kMethodTls and kMethodMtaSts where the header says that `authserv_id`
// made it. Ids are compared without case, a final dot and an `/instance` behind it (RFC 8601
// sections 2.2 and 2.5). An empty `authserv_id` is nobody's.
[[nodiscard]] Stripped strip_own_results(std::string_view value, std::string_view authserv_id);

struct Property {
  std::string_view name;  // `smtp.version`
  std::string_view value;
};
struct MethodResult {
  std::string_view method, result, reason;  // no reason: empty
  std::vector<Property> properties;         // those with an empty value are left out
};

// The value of a header, folded by LF and a tab below 78 columns where a token allows it. Values
// that are no token are quoted; what is not printable ASCII is left out. REQUIRES: `authserv_id` is
// not empty.
[[nodiscard]] std::string authentication_results(std::string_view authserv_id,
                                                 const std::vector<MethodResult>& results);

}  // namespace mxw::milter
