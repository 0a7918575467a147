// ReportMail: the mail a report goes out as: composed, and signed with our own keys unless the MTA
// signs (RFC 8460 section 5.3, semantics 8). The same report and recipient give the same octets.
//
// KeyCheck: whether those signatures will be taken, asked of DNS at the start and every hour.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/dkim/sign.hpp"
#include "core/feed/lookup_client.hpp"
#include "reportd/builder.hpp"
#include "reportd/transport.hpp"

namespace mxw::reportd {

struct Signer {
  std::string selector;
  dkim::SigningKey key;
};

// The keys of [[tlsrpt.send.dkim]]. Error (usage): a file that cannot be read, or is no key that
// may sign. Blocks for the disk.
[[nodiscard]] Result<std::vector<Signer>> load_signers(const config::ReportSend& send);

class ReportMail final : public MessageSource {
 public:
  // Without signers the mail is not signed.
  ReportMail(BuildSettings settings, std::vector<Signer> signers)
      : settings_(std::move(settings)), signers_(std::move(signers)) {}

  Result<std::string> message(const store::ReportRow& report, Bytes gzip,
                              const std::string& recipient) override;
  [[nodiscard]] const std::vector<Signer>& signers() const { return signers_; }

 private:
  BuildSettings settings_;
  std::vector<Signer> signers_;
};

class KeyCheck {
 public:
  // Told of each selector: an empty `why` is good. In the loop.
  using Tell = std::function<void(const std::string& selector, const std::string& why)>;

  // All outlive it; lookups end before it does.
  KeyCheck(const std::vector<Signer>& signers, std::string domain, feed::Lookups& lookups,
           Tell tell)
      : signers_(signers), domain_(std::move(domain)), lookups_(lookups), tell_(std::move(tell)) {}

  void run(Time now);

 private:
  const std::vector<Signer>& signers_;
  std::string domain_;
  feed::Lookups& lookups_;
  Tell tell_;
};

}  // namespace mxw::reportd
