// A TLS connection. Each record is octets of one direction (bit 0) or, with bit 1, a gap of
// `argument` octets. The same input octet by octet must give the same evidence.
#include "sensor/tls/parser.hpp"

#include "core/base/check.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace mxw;

void feed(tls::Parser& parser, evidence::Dir dir, Bytes bytes, bool split,
          const evidence::FrameRef& at) {
  if (!split) return parser.feed(dir, bytes, at);
  for (std::size_t i = 0; i < bytes.size(); ++i) parser.feed(dir, bytes.subspan(i, 1), at);
}

// What was read, as one text.
std::string run(Bytes data, bool split) {
  ByteReader input(data);
  tls::Parser parser;
  fuzz::Record record;
  evidence::FrameRef at;
  while (fuzz::next_record(input, record)) {
    ++at.frame;
    const auto dir = (record.control & 1U) != 0 ? evidence::Dir::server : evidence::Dir::client;
    if ((record.control & 2U) != 0)
      parser.gap(dir, record.argument + 1U, at);
    else
      feed(parser, dir, record.bytes, split, at);
  }
  parser.finish(at);
  const evidence::TlsEvidence& e = parser.evidence();
  std::string said =
      e.sni + ' ' + e.server_alpn + ' ' + e.ja3_string + ' ' + e.ja3s_string + ' ' + e.ja4;
  for (const bool flag :
       {e.client_hello, e.server_hello, e.hello_retry, e.completed, e.resumed, e.anonymous,
        e.downgrade_sentinel, e.offered_13, e.client_not_tls, e.server_not_tls, e.certificate_seen,
        parser.settled(), parser.lost(), parser.hello_seen()})
    said += flag ? '1' : '0';
  for (const unsigned value : {unsigned{e.version}, unsigned{e.client_version}, unsigned{e.cipher},
                               static_cast<unsigned>(e.fail_stage)})
    said += ' ' + std::to_string(value);
  for (const evidence::TlsAlert& a : e.alerts)
    said += ' ' + std::to_string(a.level) + '.' + std::to_string(a.description);
  MXW_CHECK(e.certificate_seen == (e.chain != nullptr));
  if (e.chain)
    for (const auto& der : *e.chain) said += as_text(der);
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MXW_CHECK(run({data, size}, false) == run({data, size}, true));
  return 0;
}
