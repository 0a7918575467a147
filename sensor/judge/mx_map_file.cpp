// The `--mx-map` file (semantics 2).
#include <array>
#include <fstream>

#include "core/base/ascii.hpp"
#include "core/mail/name.hpp"
#include "sensor/judge/domain_map.hpp"

namespace mxw::judge {
namespace {

Result<std::optional<Time>> open_or_time(std::string_view text, const std::string& where) {
  if (text == "-" || text.empty()) return std::optional<Time>{};
  const auto t = parse_rfc3339(text);
  if (!t) return fail(ErrorKind::usage, where + "no RFC 3339 time: " + std::string(text));
  return t;
}

Result<FileEntry> parse_line(std::string_view line, const std::string& where) {
  std::array<std::string_view, 5> columns{};
  std::size_t n = 0;
  while (true) {
    const auto tab = line.find('\t');
    if (n == columns.size()) return fail(ErrorKind::usage, where + "more than 5 columns");
    columns[n++] = line.substr(0, tab);
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
  }
  if (n < 3) return fail(ErrorKind::usage, where + "needs policy_domain, mx_host and address");
  const auto domain = mail::HostName::parse(columns[0]);
  const auto host = mail::HostName::parse(columns[1]);
  const auto address = IpAddress::parse(columns[2]);
  if (!domain || !host) return fail(ErrorKind::usage, where + "no host name");
  if (!address) return fail(ErrorKind::usage, where + "no IP address");
  const auto since = open_or_time(columns[3], where);
  if (!since) return std::unexpected(since.error());
  const auto until = open_or_time(columns[4], where);
  if (!until) return std::unexpected(until.error());
  if (*since && *until && **until < **since)
    return fail(ErrorKind::usage, where + "until lies before since");
  return FileEntry{domain->text(), host->text(), *address, *since, *until, DomainBasis::file};
}

}  // namespace

Result<std::vector<FileEntry>> load_mx_map(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorKind::usage, path + ": cannot be opened");
  std::vector<FileEntry> entries;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const std::string_view text = ascii::trim_line(line);
    if (text.empty() || text.front() == '#') continue;
    auto entry = parse_line(text, path + ":" + std::to_string(number) + ": ");
    if (!entry) return std::unexpected(entry.error());
    entries.push_back(std::move(*entry));
  }
  if (in.bad() || !in.eof()) return fail(ErrorKind::usage, path + ": cannot be read");
  return entries;
}

}  // namespace mxw::judge
