// A whole capture file through all stages with the shipped rules and the policies of pcaps/,
// written as EVE: every line must be one valid line, and no stage may mind what another one makes
// of hostile input.
#include <cstdlib>

#include "core/base/check.hpp"
#include "core/policy/policy_dir.hpp"
#include "sensor/capture/file_reader.hpp"
#include "sensor/main/pipeline.hpp"
#include "sensor/sink/eve.hpp"
#include "sensor/sink/text.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/memory_source.hpp"

namespace {

using namespace mxw;

template <typename T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::abort();
}

judge::Config make_config() {
  judge::Config config;
  config.rules = need(rules::load(MXW_SOURCE_DIR "/rules", std::nullopt));
  config.policies = need(policy::load_policy_dir(MXW_SOURCE_DIR "/pcaps/policies"));
  config.own = {*Cidr::parse("192.0.2.0/24")};
  return config;
}

template <typename Sink>
void run(Bytes bytes, Sink& sink) {
  static const judge::Config kConfig = make_config();
  static x509::TrustStore trust =
      need(x509::TrustStore::from_file(MXW_SOURCE_DIR "/pcaps/ca/lab-ca.pem"));
  static const Redactor redactor;
  auto source = std::make_unique<fuzz::MemorySource>(bytes, bytes.size() + 1);
  if (!source->need(4)) return;
  capture::FileFacts facts;
  facts.name = "fuzz";
  const bool ng = capture::is_pcapng(source->peek(4));
  auto reader = ng ? capture::open_pcapng(std::move(source), std::move(facts), 0)
                   : capture::open_pcap(std::move(source), std::move(facts), 0);
  if (!reader) return;
  sensor::Pipeline pipeline(kConfig, trust, redactor, sink);
  while (const auto packet = (*reader)->next()) pipeline.on_packet(*packet);
  pipeline.finish();
  sink::RunFacts run_facts;
  run_facts.inputs.push_back((*reader)->facts());
  run_facts.coverage = pipeline.judge().coverage();
  run_facts.last = pipeline.last();
  sink.finish(run_facts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static sink::Output output = need(sink::Output::open("/dev/null", false));
  static const Redactor redactor;
  sink::EveSink eve(output, {.sensor_name = "fuzz", .file_names = {"fuzz"}}, redactor);
  sink::TextSink text(output, {.color = false, .file_names = {"fuzz"}});
  run({data, size}, eve);
  run({data, size}, text);
  return 0;
}
