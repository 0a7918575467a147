// `mxwarden policy import | export DIR`: policies as files, as mxwarden-sensor --policies reads
// them.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/complain.hpp"
#include "cli/control.hpp"
#include "cli/duration.hpp"
#include "cli/policy_pages.hpp"
#include "cli/settings.hpp"
#include "cli/verbs.hpp"
#include "core/policy/policy_dir.hpp"

namespace mxw::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kMapName[] = "mx-map.tsv";

Result<void> write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(ErrorKind::environment, path.string() + ": cannot be written");
  return {};
}

std::string sidecar(const rows::PolicyRow& policy) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (!policy.id.empty()) json.member("id", std::string_view(policy.id));
  json.member("fetched_at", std::string_view(format_rfc3339(policy.fetched_at)));
  json.member("valid_until", std::string_view(format_rfc3339(policy.valid_until())));
  if (!policy.source.empty()) json.member("source", std::string_view(policy.source));
  json.end_object();
  return out + "\n";
}

// Routes have no history: a reader must not take those of now for those of `at`.
std::string map_head(std::optional<Time> at, Time now) {
  const std::string columns = "# policy_domain, mx_host, address, since, until\n";
  if (!at) return columns;
  return "# policies of " + format_rfc3339(*at) + ", MX routes as known " + format_rfc3339(now) +
         ": no earlier ones are kept\n" + columns;
}

std::string map_lines(const std::vector<rows::RouteRow>& routes) {
  std::string out;
  for (const rows::RouteRow& route : routes) {
    if (route.address.family == 0) continue;
    // An MX host keeps its connections longer than a TTL (as a replay with --feed has it).
    const Time until = std::max(route.until, route.seen + kDay);
    out += route.policy_domain + '\t' + route.mx_host + '\t' + route.address.text() + '\t' +
           format_rfc3339(route.seen) + '\t' + format_rfc3339(until) + '\n';
  }
  return out;
}

int export_files(const Given& given) {
  const fs::path dir = given.operands.front();
  std::optional<Time> at;
  if (given.has("at")) {
    at = parse_rfc3339(given.text("at"));
    if (!at)
      return complain("--at: an RFC 3339 time such as 2026-11-21T08:00:00Z is expected", kUsage);
  }
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return complain(dir.string() + ": " + error.message(), kTrouble);
  std::string map = map_head(at, wall_clock());
  std::size_t policies = 0;
  const auto done = for_each_policy(*control, at, [&](const PolicyAndRoutes& one) -> Result<void> {
    const std::string& domain = one.policy.domain;
    const auto body = control->body(domain, at);
    if (!body) return std::unexpected(body.error());
    if (auto written = write_file(dir / (domain + ".txt"), *body); !written) return written;
    map += map_lines(one.routes);
    ++policies;
    return write_file(dir / (domain + ".json"), sidecar(one.policy));
  });
  if (!done) return complain(done.error());
  if (auto written = write_file(dir / kMapName, map); !written) return complain(written.error());
  if (at)
    warn("the MX routes are those of now, not of " + format_rfc3339(*at) +
         ": policyd keeps no earlier ones; judge a capture of then by the DNS answers in it, or "
         "correct " +
         (dir / kMapName).string());
  std::printf("%zu %s in %s, MX routes in %s\n", policies, policies == 1 ? "policy" : "policies",
              dir.c_str(), (dir / kMapName).c_str());
  return kOk;
}

Result<std::string> import_one(const Control& control, const policy::CachedPolicy& cached,
                               const fs::path& dir) {
  std::ifstream in(dir / (cached.domain + ".txt"), std::ios::binary);
  const std::string body((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto answer = control.ask("policy-import", [&](JsonWriter& json) {
    json.member("domain", std::string_view(cached.domain));
    json.member("id", std::string_view(cached.id)).member("body", std::string_view(body));
    if (cached.fetched_at) json.member("fetched_at", cached.fetched_at->ns);
  });
  if (!answer) return std::unexpected(answer.error());
  return answer->text("result", rows::kWordBytes);
}

int import_files(const Given& given) {
  const fs::path dir = given.operands.front();
  const auto policies = policy::load_policy_dir(dir.string());
  if (!policies) return complain(policies.error());
  const auto control = Control::of(given);
  if (!control) return complain(control.error());
  std::size_t stored = 0;
  for (const policy::CachedPolicy& cached : *policies) {
    const auto result = import_one(*control, cached, dir);
    if (!result) return complain(result.error());
    stored += *result == "stored" ? 1U : 0U;
    if (*result != "stored")
      std::printf("%s: %s\n", cached.domain.c_str(),
                  *result == "older" ? "policyd has a newer one" : "has run out, left out");
  }
  std::printf("%zu of %zu policies stored\n", stored, policies->size());
  return kOk;
}

constexpr Option kImportOptions[] = {kConfigOption, kSocketOption};
constexpr Option kExportOptions[] = {
    {"at", "TIME",
     "policies as known then, RFC 3339 as 2026-11-21T08:00:00Z (default: now); the MX routes "
     "are those of now in any case"},
    kConfigOption,
    kSocketOption};

}  // namespace

const Verb kPolicyExport{
    .words = "policy export",
    .operands = "DIR",
    .least = 1,
    .most = 1,
    .summary = "write stored policies to files, for a replay",
    .about =
        "DOMAIN.txt is the policy as served, DOMAIN.json beside it says when it was fetched, "
        "mx-map.tsv has the MX routes as they are known now, also with --at: `mxwarden-sensor "
        "--policies DIR --mx-map DIR/mx-map.tsv` judges by them. Files that are there already are "
        "replaced, others are "
        "left.",
    .options = kExportOptions,
    .exits = "0 done; 2 usage or settings; 4 policyd does not answer, or a file cannot be written",
    .run = export_files,
};

const Verb kPolicyImport{
    .words = "policy import",
    .operands = "DIR",
    .least = 1,
    .most = 1,
    .summary = "store policies from files",
    .about =
        "DIR is as `policy export` writes it. A policy without dates counts as fetched now; every "
        "one is looked up again at once. With policyd stopped, as its user: runuser -u mxw-policy "
        "-- "
        "mxwarden-policyd --import DIR.",
    .options = kImportOptions,
    .exits = "0 done; 2 usage, settings or files; 4 policyd does not answer",
    .run = import_files,
};

}  // namespace mxw::cli
