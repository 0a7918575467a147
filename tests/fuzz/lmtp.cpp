// What a client of the LMTP socket sends: any split of it gives the same answers and mails. The
// first octet is the size of the pieces.
#include <algorithm>
#include <utility>

#include "core/base/check.hpp"
#include "reportd/lmtp_dialogue.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace mxw::reportd;

struct Outcome {
  std::string answers;
  std::vector<std::string> mails;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome talk(std::string_view octets, std::size_t piece) {
  Outcome outcome;
  LmtpShared shared{
      .hello = "reports.example.net",
      .handler = {.known = [](const std::string& name) { return name.size() % 3 != 0; },
                  .take =
                      [&outcome](const LmtpMail& mail) {
                        outcome.mails.push_back(mail.sender + '\n' + mail.message);
                        return std::vector(mail.recipients.size(), LmtpVerdict::taken);
                      }},
      .limits = {.message_bytes = 512, .all_bytes = 400, .recipients = 3, .errors = 5},
      .counters = {}};
  {
    LmtpDialogue dialogue(shared);
    while (!octets.empty() && !dialogue.ended()) {
      dialogue.feed(octets.substr(0, piece));
      octets.remove_prefix(std::min(piece, octets.size()));
      dialogue.work();
      while (dialogue.answers().size() >= LmtpDialogue::kUnsentBytes) {
        outcome.answers += std::exchange(dialogue.answers(), {});
        dialogue.work();
      }
    }
    outcome.answers += dialogue.answers();
    MXW_CHECK(shared.held_bytes <= shared.limits.all_bytes);
  }
  MXW_CHECK(shared.held_bytes == 0);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets = mxw::as_text({data + 1, size - 1});
  MXW_CHECK(talk(octets, octets.size() + 1) == talk(octets, data[0] % 64 + 1UL));
  return 0;
}
