#include <algorithm>
#include <map>

#include "core/base/ascii.hpp"
#include "core/service/scrape.hpp"

namespace mxw::service {
namespace {

constexpr std::size_t kLine = 4'096;  // of our own programs; far above any of theirs
constexpr std::size_t kFamilies = 10'000;

struct Family {
  std::string help, type;
  std::vector<std::string> samples;
};

// In the order in which they came.
struct Families {
  std::vector<std::pair<std::string, Family>> all;
  std::map<std::string, std::size_t, std::less<>> at;

  Family* get(std::string_view name) {
    const auto found = at.find(name);
    if (found != at.end()) return &all[found->second].second;
    if (all.size() >= kFamilies) return nullptr;
    at.emplace(std::string(name), all.size());
    return &all.emplace_back(std::string(name), Family{}).second;
  }
};

bool name_char(char c) {
  return ascii::is_alnum(c) || c == '_' || c == ':';
}

std::string_view name_at_start(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, name_char);
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  return !name.empty() && ascii::is_digit(name[0]) ? std::string_view() : name;
}

// `{...}` and a value, or a blank and a value; whether the quotes of the labels are closed.
bool holds(std::string_view after_name) {
  bool in_quotes = false, escaped = false, labels = false;
  std::size_t at = 0;
  if (after_name.starts_with('{')) {
    for (at = 1, labels = true; at < after_name.size() && labels; ++at) {
      const char c = after_name[at];
      if (escaped) {
        escaped = false;
      } else if (in_quotes && c == '\\') {
        escaped = true;
      } else if (c == '"') {
        in_quotes = !in_quotes;
      } else if (c == '}' && !in_quotes) {
        labels = false;
      }
    }
  }
  const std::string_view value = after_name.substr(at);
  return !labels && value.size() > 1 && value[0] == ' ' &&
         std::ranges::all_of(value.substr(1), [](char c) {
           return ascii::is_alnum(c) || c == '+' || c == '-' || c == '.' || c == ' ';
         });
}

// Samples of a histogram have the family's name and more.
std::string family_name(const Families& families, std::string_view sample) {
  for (const std::string_view end : {"_bucket", "_sum", "_count"}) {
    if (!sample.ends_with(end)) continue;
    const std::string_view base = sample.substr(0, sample.size() - end.size());
    const auto found = families.at.find(base);
    if (found != families.at.end() && families.all[found->second].second.type == "histogram") {
      return std::string(base);
    }
  }
  return std::string(sample);
}

bool known_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram", "untyped"};
  return std::ranges::find(kTypes, type) != std::ranges::end(kTypes);
}

void take_comment(Families& families, std::string_view line) {
  const bool help = line.starts_with("# HELP "), type = line.starts_with("# TYPE ");
  if (!help && !type) return;
  const auto [name, rest] = ascii::split_word(line.substr(7));
  if (name.empty() || name_at_start(name) != name) return;
  if (type && !known_type(rest)) return;
  Family* family = families.get(name);
  if (family == nullptr) return;
  std::string& place = help ? family->help : family->type;
  if (place.empty()) place = rest;
}

void take_line(Families& families, std::string_view line) {
  if (line.empty() || line.size() > kLine) return;
  if (line.front() == '#') return take_comment(families, line);
  const std::string_view name = name_at_start(line);
  if (name.empty() || !holds(line.substr(name.size()))) return;
  if (Family* family = families.get(family_name(families, name))) {
    family->samples.emplace_back(line);
  }
}

}  // namespace

std::string joined(const std::vector<Scraped>& programs) {
  Families families;
  Family& up = *families.get("mxwarden_up");
  up = {"Whether the program answered on its metrics socket", "gauge", {}};
  for (const Scraped& one : programs) {
    up.samples.push_back("mxwarden_up{program=\"" + one.program + "\"} " + (one.text ? "1" : "0"));
  }
  for (const Scraped& one : programs) {
    std::string_view text = one.text ? std::string_view(*one.text) : std::string_view();
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      // The first family is ours alone.
      if (!line.starts_with("mxwarden_up")) take_line(families, line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  std::string out;
  for (const auto& [name, family] : families.all) {
    if (family.samples.empty()) continue;
    if (!family.help.empty()) out += "# HELP " + name + ' ' + family.help + '\n';
    if (!family.type.empty()) out += "# TYPE " + name + ' ' + family.type + '\n';
    for (const std::string& sample : family.samples) out += sample + '\n';
  }
  return out;
}

}  // namespace mxw::service
