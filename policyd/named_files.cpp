#include "policyd/named_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"
#include "core/x509/certificate.hpp"

namespace mxw::policyd {
namespace {

constexpr std::size_t kListedDomains = 100'000;  // as many as policies are kept
constexpr std::string_view kFilePrefix = "file:";

void add_list(const std::string& path, std::set<std::string>& domains,
              std::vector<std::string>& notes) {
  std::ifstream in(path);
  if (!in) {
    notes.push_back(path + ": " + std::strerror(errno));
    return;
  }
  std::string line;
  std::size_t bad = 0;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const std::string_view text = ascii::trim_line(line);
    if (text.empty() || text.front() == '#') continue;
    const auto host = mail::HostName::parse(text);
    if (!host) {
      if (++bad <= kListNotes)
        notes.push_back(path + ":" + std::to_string(number) + ": no domain name");
      continue;
    }
    if (domains.size() >= kListedDomains && !domains.contains(host->text())) {
      notes.push_back(path + ":" + std::to_string(number) + ": more than 100,000 domains");
      break;
    }
    domains.insert(host->text());
  }
  if (in.bad()) notes.push_back(path + ": cannot be read");
  if (bad > kListNotes)
    notes.push_back(path + ": " + std::to_string(bad) + " lines are no domain names");
}

}  // namespace

std::set<std::string> listed_domains(const std::vector<std::string>& sources,
                                     std::vector<std::string>& notes) {
  std::set<std::string> domains;
  for (const std::string& source : sources)
    add_list(source.substr(kFilePrefix.size()), domains, notes);
  return domains;
}

std::string ca_trouble(const std::string& ca_file) {
  if (ca_file.empty()) return {};
  const auto roots = x509::TrustStore::from_file(ca_file);
  return roots ? std::string() : roots.error().message;
}

Result<void> check_files(const config::Config& config) {
  std::vector<std::string> notes;
  static_cast<void>(listed_domains(config.policyd.domains_from, notes));
  if (!notes.empty()) return fail(ErrorKind::usage, notes.front());
  if (const std::string why = ca_trouble(config.fetch.ca_file); !why.empty())
    return fail(ErrorKind::usage, why);
  return {};
}

}  // namespace mxw::policyd
