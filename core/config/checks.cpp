#include "core/config/checks.hpp"

#include <sys/un.h>

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/config/load.hpp"
#include "core/mail/name.hpp"

namespace mxw::config {
namespace {

constexpr std::size_t kUserName = 32;     // useradd(8)
constexpr std::size_t kMapName = 64;      // ours: a name is a word in a Postfix or Sendmail setting
constexpr std::size_t kDaemonName = 255;  // ours: Postfix takes its host's name
constexpr std::size_t kPath = 1'024;      // far below PATH_MAX
constexpr std::size_t kSocketPath = sizeof(sockaddr_un::sun_path) - 1;

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

bool word_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(
      text, [&](char c) { return ascii::is_alnum(c) || more.find(c) != std::string_view::npos; });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto value = ascii::parse_u64(text);
  if (!value || *value == 0 || *value > 65'535 || text.size() > 5) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

}  // namespace

std::string check_path(std::string_view text) {
  if (text.empty() || text.front() != '/') return in_quotes(text) + " is no absolute path";
  if (text.size() > kPath) return "a path is longer than " + std::to_string(kPath) + " octets";
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control) return "a path has control characters";
  const std::string closed = std::string(text) + '/';
  if (closed.find("/../") != std::string::npos) return in_quotes(text) + " has `..` in it";
  return {};
}

std::string check_user(std::string_view text) {
  if (text.empty() || text.size() > kUserName || !word_of(text, "-_.") || text.front() == '-' ||
      text.front() == '.') {
    return in_quotes(text) + " is no user name or id";
  }
  if (ascii::is_digit(text.front())) {
    const auto id = ascii::parse_u64(text);
    if (!id || *id >= 0xffff'ffff) return in_quotes(text) + " is no user name or id";
  }
  return {};
}

std::string check_listen(std::string_view text) {
  const auto parsed = parse_listen(text);
  return parsed ? std::string() : parsed.error().message;
}

bool is_retired_source(std::string_view text) {
  return text == "map" || text == "milter";
}

std::string check_source(std::string_view text) {
  if (is_retired_source(text)) return {};
  constexpr std::string_view kFile = "file:";
  if (text.starts_with(kFile)) return check_path(text.substr(kFile.size()));
  return in_quotes(text) + " is not \"file:PATH\" (who may ask: \"ask_users\")";
}

std::string check_map_name(std::string_view text) {
  if (!text.empty() && text.size() <= kMapName && word_of(text, "-_.")) return {};
  return in_quotes(text) + " is no name of a map: letters, digits, `-`, `_`, `.`";
}

std::string check_port(std::string_view text) {
  return parse_port(text) ? std::string() : in_quotes(text) + " is no port";
}

std::string check_milter_socket(std::string_view text) {
  const std::size_t colon = text.find(':');
  const bool bare = text.starts_with('/');
  const std::string_view kind = bare ? "local" : text.substr(0, colon);
  std::string_view rest = text;
  if (!bare) rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (kind == "local" || kind == "unix") {
    const auto listen = parse_listen("unix:" + std::string(rest));
    return listen ? std::string() : listen.error().message;
  }
  const std::size_t where = rest.find('@');
  const std::string_view host = where == std::string_view::npos ? "" : rest.substr(where + 1);
  const auto address = IpAddress::parse(host);
  const bool host_good = where == std::string_view::npos || mail::HostName::parse(host) ||
                         (address && address->v4() == (kind == "inet"));
  if ((kind != "inet" && kind != "inet6") || !parse_port(rest.substr(0, where)) || !host_good)
    return in_quotes(text) + " is not local:PATH, inet:PORT@HOST or inet6:PORT@HOST";
  return {};
}

std::string check_daemon_name(std::string_view text) {
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  if (!text.empty() && text.size() <= kDaemonName && printable) return {};
  return in_quotes(text) + " is no name of a daemon: printable characters without blanks";
}

std::string check_authserv_id(std::string_view text) {
  if (!text.empty() && text.size() <= kDaemonName && word_of(text, "!#$%&'*+-.^_`{|}~")) return {};
  return in_quotes(text) + " is no token (RFC 8601 section 2.2)";
}

std::string check_client(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('!')) rest.remove_prefix(1);
  if (Cidr::parse(rest)) return {};
  if (rest.starts_with('.')) rest.remove_prefix(1);
  if (mail::HostName::parse(rest)) return {};
  return in_quotes(text) + " is no host, .domain, address or prefix, with or without `!` before it";
}

std::string check_recipient(std::string_view text) {
  const std::string_view name = text.starts_with('.') ? text.substr(1) : text;
  return mail::HostName::parse(name) ? std::string() : in_quotes(text) + " is no domain or .domain";
}

std::string check_recipients(std::string_view text) {
  const std::string_view rest = text.starts_with('!') ? text.substr(1) : text;
  if (rest == "*" || check_recipient(rest).empty()) return {};
  return in_quotes(text) + " is no domain, .domain or *, with or without `!` before it";
}

Result<IpAddress> address(std::string_view text) {
  if (const auto parsed = IpAddress::parse(text)) return *parsed;
  return fail(ErrorKind::usage, in_quotes(text) + " is no address");
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!address || !port || address->v4() == bracketed) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string text_of(const Endpoint& endpoint) {
  if (endpoint.address.family == 0) return {};
  const std::string host = endpoint.address.text();
  return (endpoint.address.v4() ? host : '[' + host + ']') + ':' + std::to_string(endpoint.port);
}

Result<Listen> parse_listen(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (kind == "unix") {
    if (std::string why = check_path(rest); !why.empty()) return fail(ErrorKind::usage, why);
    if (rest.size() > kSocketPath) {
      return fail(ErrorKind::usage,
                  "the path of a socket has more than " + std::to_string(kSocketPath) + " octets");
    }
    return Listen{{}, std::string(rest)};
  }
  const auto endpoint = parse_endpoint(rest);
  if ((kind != "inet" && kind != "inet6") || !endpoint ||
      endpoint->address.v4() != (kind == "inet")) {
    return fail(ErrorKind::usage,
                in_quotes(text) + " is not inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT or unix:PATH");
  }
  return Listen{*endpoint, {}};
}

Result<Endpoint> server_endpoint(std::string_view text) {
  constexpr std::uint16_t kDns = 53;
  if (const auto address = IpAddress::parse(text)) return Endpoint{*address, kDns};
  if (const auto endpoint = parse_endpoint(text)) return *endpoint;
  return fail(ErrorKind::usage,
              in_quotes(text) + " is not ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT");
}

Result<Endpoint> optional_endpoint(std::string_view text) {
  if (text.empty()) return Endpoint{};
  if (const auto endpoint = parse_endpoint(text)) return *endpoint;
  return fail(ErrorKind::usage, in_quotes(text) + " is not ADDRESS:PORT or [ADDRESS]:PORT");
}

Result<Cidr> prefix(std::string_view text) {
  if (const auto cidr = Cidr::parse(text)) return *cidr;
  return fail(ErrorKind::usage, in_quotes(text) + " is no address or prefix");
}

}  // namespace mxw::config
