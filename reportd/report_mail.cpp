#include "reportd/report_mail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/fd.hpp"
#include "core/dkim/self_test.hpp"
#include "core/report/compose.hpp"

namespace mxw::reportd {
namespace {

constexpr std::size_t kKeyFile = 64 << 10;  // RSA of 4096 bits: 3 KiB

Result<std::string> read_key(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail(ErrorKind::usage, path + ": " + std::strerror(errno));
  std::string text(kKeyFile, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorKind::usage, path + ": " + std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

Result<std::vector<Signer>> load_signers(const config::ReportSend& send) {
  std::vector<Signer> signers;
  if (send.signing == config::ReportSigning::mta) return signers;
  for (const config::ReportKeyFile& file : send.dkim) {
    const auto text = read_key(file.key);
    if (!text) return std::unexpected(text.error());
    auto key = dkim::SigningKey::from_pem(*text);
    if (!key) return fail(key.error().kind, file.key + ": " + key.error().message);
    signers.push_back({file.selector, std::move(*key)});
  }
  return signers;
}

Result<std::string> ReportMail::message(const store::ReportRow& report, Bytes gzip,
                                        const std::string& recipient) {
  const report::Identity identity = settings_.identity(report.key);
  report::MailParts parts;
  parts.from = settings_.contact;
  parts.to = recipient;
  parts.date = report.built_at;
  parts.domain = report.key.domain;
  parts.submitter = identity.contact_domain;
  parts.report_id = report.report_id;
  parts.file_name = report::file_name(identity);
  parts.gzip = as_text(gzip);
  auto mail = report::compose_mail(parts);
  if (!mail) return fail(ErrorKind::environment, "no mail can be made of " + report.report_id);
  std::string fields;
  for (const Signer& signer : signers_) {
    const auto field = dkim::sign(signer.key,
                                  {.domain = identity.contact_domain,
                                   .selector = signer.selector,
                                   .at = report.built_at,
                                   .headers = dkim::report_headers()},
                                  *mail);
    if (!field) return std::unexpected(field.error());
    fields += *field;
  }
  return fields + *mail;
}

void KeyCheck::run(Time now) {
  for (const Signer& signer : signers_) {
    lookups_.lookup(feed::LookupKind::dkim_key, dkim::key_name(signer.selector, domain_),
                    [this, &signer, now](const feed::LookupAnswer& answer) {
                      dkim::KeyAnswer key;
                      key.known = answer.state != feed::LookupState::failed &&
                                  answer.state != feed::LookupState::unavailable;
                      key.records = answer.records;
                      const auto good =
                          dkim::self_test(signer.key, domain_, signer.selector, key, now);
                      tell_(signer.selector, good ? std::string() : good.error().message);
                    });
  }
}

}  // namespace mxw::reportd
