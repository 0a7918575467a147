#include "core/policy/policy_dir.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/digest.hpp"
#include "core/base/limits.hpp"
#include "core/mail/name.hpp"
#include "core/policy/sidecar.hpp"

namespace mxw::policy {
namespace {

constexpr std::string_view kPolicySuffix = ".txt";
constexpr std::string_view kSidecarSuffix = ".json";

std::unexpected<Error> refuse(const std::string& file, std::string_view reason) {
  return fail(ErrorKind::usage, file + ": " + std::string(reason));
}

std::unexpected<Error> refuse(const std::string& file, const Invalid& invalid) {
  return refuse(file + ':' + std::to_string(invalid.line), invalid.reason);
}

// Up to one octet over the limit: the parsers refuse what is too large.
Result<std::string> read_file(const std::string& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return refuse(file, "not a regular file");
  std::ifstream stream(file, std::ios::binary);
  std::string text(limits::kPolicyBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || stream.gcount() < 0 || !(stream || stream.eof()))
    return refuse(file, "cannot be read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// The names of the directory's files, sorted.
Result<std::set<std::string>> list(const std::string& dir) {
  std::set<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(dir, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
    names.insert(at->path().filename().string());
  if (error) return refuse(dir, error.message());
  return names;
}

bool is_a_label_domain(std::string_view text) {
  const auto name = mail::HostName::parse(text);
  return name && name->text() == text;
}

Result<Sidecar> load_sidecar(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return std::unexpected(text.error());
  auto sidecar = parse_sidecar(*text);
  if (!sidecar) return refuse(file, sidecar.error());
  return std::move(*sidecar);
}

Result<CachedPolicy> load_policy(const std::string& dir, const std::string& domain, bool dated) {
  const std::string name = domain + std::string(kPolicySuffix);
  const auto text = read_file(dir + '/' + name);
  if (!text) return std::unexpected(text.error());
  auto policy = parse_sts_policy(*text);
  if (!policy) return refuse(dir + '/' + name, policy.error());

  CachedPolicy cached;
  cached.domain = domain;
  cached.policy = std::move(*policy);
  cached.source = name;
  cached.sha256 = hex(sha256(as_bytes(*text)));
  if (!dated) return cached;

  auto sidecar = load_sidecar(dir + '/' + domain + std::string(kSidecarSuffix));
  if (!sidecar) return std::unexpected(sidecar.error());
  cached.id = std::move(sidecar->id);
  cached.fetched_at = sidecar->fetched_at;
  cached.valid_until = sidecar->valid_until;
  cached.pinned = sidecar->pin;
  if (!sidecar->source.empty()) cached.source = std::move(sidecar->source);
  cached.valid_until = end_of_validity(cached);
  return cached;
}

}  // namespace

Result<std::vector<CachedPolicy>> load_policy_dir(const std::string& dir) {
  const auto names = list(dir);
  if (!names) return std::unexpected(names.error());
  std::vector<CachedPolicy> policies;
  for (const std::string& name : *names) {
    const bool is_policy = name.ends_with(kPolicySuffix);
    if (!is_policy && !name.ends_with(kSidecarSuffix)) continue;
    const std::string_view suffix = is_policy ? kPolicySuffix : kSidecarSuffix;
    const std::string domain = name.substr(0, name.size() - suffix.size());
    if (!is_a_label_domain(domain))
      return refuse(dir + '/' + name, "the name is no domain in lower-case A-labels");
    const std::string policy_name = domain + std::string(kPolicySuffix);
    const std::string sidecar_name = domain + std::string(kSidecarSuffix);
    if (!is_policy) {
      if (names->contains(policy_name)) continue;
      return refuse(dir + '/' + name, "there is no " + policy_name + " beside it");
    }
    auto policy = load_policy(dir, domain, names->contains(sidecar_name));
    if (!policy) return std::unexpected(policy.error());
    policies.push_back(std::move(*policy));
  }
  std::sort(policies.begin(), policies.end(),
            [](const CachedPolicy& a, const CachedPolicy& b) { return a.domain < b.domain; });
  return policies;
}

}  // namespace mxw::policy
