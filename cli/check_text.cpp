// The report for people.
#include "cli/check_report.hpp"
#include "cli/wrap.hpp"
#include "core/base/ascii.hpp"
#include "core/dns/tlsa.hpp"

namespace mxw::cli {
namespace {

constexpr std::size_t kIndent = 10;  // of a point's text
constexpr std::size_t kTlsaOctets = 8;

class Writer {
 public:
  explicit Writer(bool colour) : colour_(colour) {}

  void sentence(Grade grade, const std::string& text) { out_ += painted(grade, text) + '\n'; }
  void section(const std::string& title) { out_ += '\n' + title + '\n'; }
  void host(const std::string& text) { out_ += "  " + text + '\n'; }
  void fact(const std::string& text) {
    out_ += wrapped(std::string(kIndent, ' '), printable(text), kIndent + 2);
  }
  void points(const std::vector<Point>& points) {
    for (const Point& point : points) {
      std::string mark = mark_of(point.grade);
      mark.resize(kIndent - 4, ' ');
      // The escapes take no column, so they come after wrapping.
      std::string text = wrapped("    " + mark, printable(point.text), kIndent);
      text.replace(4, mark.size(), painted(point.grade, mark));
      out_ += text;
      if (!point.advice.empty())
        out_ += wrapped(std::string(kIndent, ' ') + "-> ", printable(point.advice), kIndent + 3);
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static const char* mark_of(Grade grade) {
    switch (grade) {
      case Grade::good:
        return "ok";
      case Grade::note:
        return "note";
      case Grade::unknown:
        return "?";
      case Grade::bad:
        return "BAD";
    }
    return "?";
  }
  [[nodiscard]] std::string painted(Grade grade, const std::string& text) const {
    if (!colour_ || grade == Grade::note) return text;
    const char* const code = grade == Grade::good ? "32" : grade == Grade::bad ? "31" : "33";
    return std::string("\033[") + code + 'm' + text + "\033[0m";
  }

  const bool colour_;
  std::string out_;
};

template <typename T>
std::string verdict_pair(const Verdicts<T>& verdicts) {
  return std::string("strict: ") + (verdicts.strict ? "valid" : "not valid") +
         ", tolerant: " + (verdicts.tolerant ? "valid" : "not valid");
}

void write_record(Writer& out, const CheckReport& report) {
  out.section("record  _mta-sts." + report.facts.domain);
  out.points(report.record_points);
  for (const std::string& text : report.facts.txt.texts) out.fact('"' + text + '"');
  if (!report.facts.txt.texts.empty()) out.fact(verdict_pair(report.record));
}

void write_policy(Writer& out, const CheckReport& report) {
  out.section("policy  https://mta-sts." + report.facts.domain + "/.well-known/mta-sts.txt");
  out.points(report.policy_points);
  if (report.facts.fetch.cause != https::Cause::ok) return;
  out.fact(verdict_pair(report.policy));
  if (!report.policy.strict) return;
  for (const std::string& pattern : report.policy.strict->mx) out.fact("mx: " + pattern);
}

std::string short_tlsa(const dns::Tlsa& record) {
  std::string text = "TLSA " + std::to_string(record.usage) + ' ' +
                     std::to_string(record.selector) + ' ' + std::to_string(record.matching) + ' ';
  const std::string_view data(reinterpret_cast<const char*>(record.data.data()),
                              record.data.size());
  text += ascii::hex(data.substr(0, kTlsaOctets)) + (data.size() > kTlsaOctets ? ".." : "");
  return text + (dns::is_usable(record) ? "" : " (not usable)");
}

void write_hosts(Writer& out, const CheckReport& report) {
  out.section("MX");
  out.points(report.mx_points);
  for (std::size_t i = 0; i < report.hosts.size(); ++i) {
    const HostReport& host = report.hosts[i];
    const policyd::MxHost& facts = report.facts.mx.hosts[i];
    out.host(std::to_string(host.preference) + ' ' + host.name);
    std::string addresses;
    for (const IpAddress& address : facts.addresses)
      addresses += (addresses.empty() ? "" : " ") + address.text();
    if (!addresses.empty()) out.fact(addresses);
    out.points(host.points);
    for (const dns::Tlsa& record : facts.tlsa.records) out.fact(short_tlsa(record));
  }
}

}  // namespace

std::string check_text(const CheckReport& report, bool colour) {
  Writer out(colour);
  out.sentence(report.verdict, report.sentence);
  write_record(out, report);
  write_policy(out, report);
  write_hosts(out, report);
  out.section("reports  _smtp._tls." + report.facts.domain);
  out.points(report.tlsrpt_points);
  return out.take();
}

}  // namespace mxw::cli
