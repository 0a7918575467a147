#include "policyd/named_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"
#include "core/x509/certificate.hpp"

namespace mxw::policyd {
namespace {

constexpr std::size_t kListedDomains = 100'000;  // as many as policies are kept
constexpr std::string_view kFilePrefix = "file:";

Result<void> add_list(const std::string& path, std::set<std::string>& domains) {
  std::ifstream in(path);
  if (!in) return fail(ErrorKind::usage, path + ": " + std::strerror(errno));
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const std::string_view text = ascii::trim_line(line);
    if (text.empty() || text.front() == '#') continue;
    const auto host = mail::HostName::parse(text);
    if (!host)
      return fail(ErrorKind::usage, path + ":" + std::to_string(number) + ": no domain name");
    if (domains.size() >= kListedDomains)
      return fail(ErrorKind::usage, path + ": more than 100,000 domains");
    domains.insert(host->text());
  }
  if (in.bad()) return fail(ErrorKind::usage, path + ": cannot be read");
  return {};
}

}  // namespace

Result<std::set<std::string>> listed_domains(const std::vector<std::string>& sources) {
  std::set<std::string> domains;
  for (const std::string& source : sources) {
    if (auto added = add_list(source.substr(kFilePrefix.size()), domains); !added)
      return std::unexpected(std::move(added.error()));
  }
  return domains;
}

Result<void> check_files(const config::Config& config) {
  if (auto listed = listed_domains(config.policyd.domains_from); !listed)
    return std::unexpected(std::move(listed.error()));
  if (config.fetch.ca_file.empty()) return {};
  if (auto roots = x509::TrustStore::from_file(config.fetch.ca_file); !roots)
    return std::unexpected(std::move(roots.error()));
  return {};
}

}  // namespace mxw::policyd
