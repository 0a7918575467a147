// Tag lists `a=b; c=d` (RFC 6376 section 3.2). Private to core/dkim.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::dkim {

inline constexpr std::size_t kTags = 64;

struct Tag {
  std::string_view name, value;  // without blanks around
  std::string_view all;          // the value with the blanks around it
};

class TagList {
 public:
  // nullopt for what is none: a name or octet the grammar has not, a name twice, beyond kTags.
  [[nodiscard]] static std::optional<TagList> parse(std::string_view text);

  [[nodiscard]] const Tag* find(std::string_view name) const;  // names are case-sensitive
  [[nodiscard]] std::string_view value(std::string_view name,
                                       std::string_view otherwise = {}) const;
  [[nodiscard]] const Tag* first() const { return tags_.empty() ? nullptr : tags_.data(); }

 private:
  std::vector<Tag> tags_;
};

[[nodiscard]] std::string without_blanks(std::string_view text);  // and without line ends
[[nodiscard]] std::string_view trimmed(std::string_view text);    // at both ends, line ends, too
// The elements of a colon-separated list, trimmed.
[[nodiscard]] std::vector<std::string> colon_list(std::string_view text);

}  // namespace mxw::dkim
