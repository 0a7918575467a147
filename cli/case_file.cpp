#include "cli/case_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace mxw::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kCaseBytes = 64 << 20;  // a hundred thousand policies take some 20 MiB

// Reads members of one object and remembers whether any was missing or of another type.
class Members {
 public:
  explicit Members(const Json& object) : object_(object), ok_(object.is_object()) {}

  [[nodiscard]] bool ok() const { return ok_; }

  std::string text(const char* name) {
    const Json* const value = find(name);
    return value != nullptr && check(value->is_string()) ? value->get<std::string>() : "";
  }
  std::string optional_text(const char* name) {
    return ok_ && object_.contains(name) ? text(name) : "";
  }
  std::uint64_t number(const char* name) {
    const Json* const value = find(name);
    return value != nullptr && check(value->is_number_unsigned()) ? value->get<std::uint64_t>() : 0;
  }
  const Json& array(const char* name) {
    static const Json kEmpty = Json::array();
    const Json* const value = find(name);
    return value != nullptr && check(value->is_array()) ? *value : kEmpty;
  }
  const Json& object(const char* name) {
    static const Json kEmpty = Json::object();
    const Json* const value = find(name);
    return value != nullptr && check(value->is_object()) ? *value : kEmpty;
  }

 private:
  const Json* find(const char* name) {
    if (!ok_) return nullptr;
    const auto at = object_.find(name);
    return check(at != object_.end()) ? &*at : nullptr;
  }
  bool check(bool good) {
    ok_ = ok_ && good;
    return good;
  }

  const Json& object_;
  bool ok_;
};

bool read_policies(const Json& list, std::vector<CasePolicy>& out) {
  for (const Json& item : list) {
    Members m(item);
    CasePolicy& p = out.emplace_back();
    p.domain = m.text("domain");
    p.id = m.text("id");
    p.sha256 = m.text("sha256");
    p.fetched_at = m.optional_text("fetched_at");
    p.valid_until = m.optional_text("valid_until");
    if (!m.ok()) return false;
  }
  return true;
}

bool read_inputs(const Json& list, std::vector<CaseInput>& out) {
  for (const Json& item : list) {
    Members m(item);
    CaseInput& input = out.emplace_back();
    input.name = m.text("name");
    input.size = m.number("size");
    input.sha256 = m.text("sha256");
    if (!m.ok()) return false;
  }
  return true;
}

bool read_arguments(const Json& list, std::vector<std::string>& out) {
  for (const Json& item : list) {
    if (!item.is_string()) return false;
    out.push_back(item.get<std::string>());
  }
  return true;
}

std::optional<Case> read_case(const Json& json) {
  Members m(json);
  Case c;
  if (m.number("mxwarden_case") != 1 || m.text("program") != "mxwarden-sensor") return std::nullopt;
  c.version = m.text("version");
  c.commit = m.text("commit");
  c.rules_sha256 = m.text("rules_sha256");
  c.ca = m.text("ca");
  c.ca_sha256 = m.text("ca_sha256");
  Members output(m.object("output"));
  c.format = output.text("format");
  c.output_sha256 = output.text("sha256");
  const bool lists = read_policies(m.array("policies"), c.policies) &&
                     read_inputs(m.array("inputs"), c.inputs) &&
                     read_arguments(m.array("arguments"), c.arguments);
  if (!lists || !m.ok() || !output.ok()) return std::nullopt;
  return c;
}

}  // namespace

Result<Case> load_case(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorKind::input, path + ": cannot be read: " + std::strerror(errno));
  std::string text;
  std::string piece(64 << 10, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    text.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kCaseBytes) return fail(ErrorKind::input, path + ": is larger than 64 MiB");
  }
  if (in.bad()) return fail(ErrorKind::input, path + ": cannot be read");
  auto parsed = read_case(Json::parse(text, nullptr, false));
  if (!parsed)
    return fail(ErrorKind::usage, path + ": is no case file of mxwarden-sensor --manifest");
  return std::move(*parsed);
}

}  // namespace mxw::cli
