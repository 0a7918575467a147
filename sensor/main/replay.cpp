#include "sensor/main/replay.hpp"

#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "core/policy/policy_dir.hpp"
#include "mxwarden_version.hpp"
#include "sensor/capture/bpf_filter.hpp"
#include "sensor/capture/reader.hpp"
#include "sensor/main/feed.hpp"
#include "sensor/main/manifest.hpp"
#include "sensor/main/pipeline.hpp"
#include "sensor/main/taps.hpp"
#include "sensor/sink/eve.hpp"
#include "sensor/sink/text.hpp"

namespace mxw::sensor {
namespace {

constexpr int kExitFindings = 1, kExitUsage = 2, kExitInput = 3, kExitEnvironment = 4;

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kExitUsage;
    case ErrorKind::input:
      return kExitInput;
    case ErrorKind::environment:
      break;
  }
  return kExitEnvironment;
}

int complain(const Error& error) {
  std::fprintf(stderr, "mxwarden-sensor: %s\n", error.message.c_str());
  return exit_code(error.kind);
}

// The shipped rules: share/mxwarden/rules beside the bin directory this program stands in.
std::string default_rules_dir() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0) return "/usr/share/mxwarden/rules";
  const std::string exe(path, static_cast<std::size_t>(n));
  const std::string dir = exe.substr(0, exe.rfind('/'));
  return dir.substr(0, dir.rfind('/')) + "/share/mxwarden/rules";
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
}

Result<Redactor> make_redactor(const Options& o) {
  if (o.privacy != Privacy::hash) return Redactor(o.privacy, {});
  std::ifstream in(o.privacy_key_file, std::ios::binary);
  constexpr std::size_t kLongest = 4'096;  // octets read; a key needs no more
  std::string key(kLongest, '\0');
  in.read(key.data(), static_cast<std::streamsize>(key.size()));
  key.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  constexpr std::size_t kShortest = 16;  // octets: a key that can be guessed hides nothing
  if (key.size() < kShortest)
    return fail(ErrorKind::usage, o.privacy_key_file + ": needs a key of at least 16 octets");
  return Redactor(o.privacy, std::move(key));
}

// All that is loaded before the first packet is read.
struct Setup {
  judge::Config config;
  x509::TrustStore trust = x509::TrustStore::empty();
  Redactor redactor;
  std::optional<capture::BpfFilter> filter;
};

Result<void> load_knowledge(const Options& o, judge::Config& config) {
  const std::string dir = o.rules_dir.empty() ? default_rules_dir() : o.rules_dir;
  auto rules = rules::load(
      dir, o.overrides_file.empty() ? std::nullopt : std::optional<std::string>(o.overrides_file));
  if (!rules) return std::unexpected(rules.error());
  config.rules = std::move(*rules);
  if (!o.why.empty() && config.rules.find(o.why) == nullptr)
    return fail(ErrorKind::usage, "--why: no rule " + o.why);
  if (!o.policies_dir.empty()) {
    auto policies = policy::load_policy_dir(o.policies_dir);
    if (!policies) return std::unexpected(policies.error());
    config.policies = std::move(*policies);
  }
  if (!o.mx_map_file.empty()) {
    auto map = judge::load_mx_map(o.mx_map_file);
    if (!map) return std::unexpected(map.error());
    config.mx_map = std::move(*map);
  }
  return o.feed_socket.empty() ? Result<void>{} : load_feed(o.feed_socket, config);
}

Result<Setup> set_up(const Options& o) {
  Setup s;
  if (auto loaded = load_knowledge(o, s.config); !loaded) return std::unexpected(loaded.error());
  s.config.own = o.own;
  s.config.mtas = o.mtas;
  s.config.resolvers = o.resolvers;
  s.config.why = o.why;
  s.config.hash_key = o.hash_seed != 0 ? HashKey{o.hash_seed, ~o.hash_seed} : random_hash_key();
  auto trust =
      o.ca_file.empty() ? x509::TrustStore::from_system() : x509::TrustStore::from_file(o.ca_file);
  if (!trust) return std::unexpected(trust.error());
  s.trust = std::move(*trust);
  auto redactor = make_redactor(o);
  if (!redactor) return std::unexpected(redactor.error());
  s.redactor = std::move(*redactor);
  if (!o.filter.empty()) {
    auto filter = capture::BpfFilter::compile(o.filter);
    if (!filter) return std::unexpected(filter.error());
    s.filter = std::move(*filter);
  }
  return s;
}

sink::RunFacts facts_of(const Options& o, const Setup& s) {
  sink::RunFacts f;
  f.version = kVersion;
  f.commit = kCommit;
  f.rules_sha256 = s.config.rules.sha256;
  f.rules = s.config.rules.rules.size();
  f.ca_name = o.ca_file.empty() ? "system" : base_name(o.ca_file);
  f.ca_sha256 = s.trust.sha256();
  f.privacy = o.privacy == Privacy::hash ? "hash" : o.privacy == Privacy::full ? "full" : "domain";
  f.policies = s.config.policies.size();
  for (const policy::CachedPolicy& p : s.config.policies) {
    f.policies_enforce += p.policy.mode == policy::Mode::enforce ? 1U : 0U;
    f.policies_undated += p.fetched_at || p.valid_until ? 0U : 1U;
  }
  for (const Cidr& net : o.own) f.own.push_back(net.text());
  for (const IpAddress& mta : o.mtas) f.own.push_back(mta.text());
  return f;
}

// Counters of several pipelines (--separate) are sums.
void add_counters(sink::RunFacts& f, const Pipeline& p) {
  f.decode += p.decode_counters();
  f.flow += p.flow_counters();
  f.dns += p.dns_counters();
  f.coverage.add(p.judge().coverage());
  f.last = std::max(f.last, p.last());
}

// How far a long replay has come; only for a person at a terminal.
class Progress {
 public:
  void step(Time at) {
    if (++packets_ % kEvery != 0 || !shown_) return;
    std::fprintf(stderr, "\r%llu million packets, %s",
                 static_cast<unsigned long long>(packets_ / kEvery), format_human(at).c_str());
    used_ = true;
  }
  void done() const {
    if (used_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  static constexpr std::uint64_t kEvery = 1'000'000;
  bool shown_ = isatty(STDERR_FILENO) == 1;
  bool used_ = false;
  std::uint64_t packets_ = 0;
};

class Run {
 public:
  // `digest`: SHA-256 of every input is wanted.
  Run(const Options& options, bool digest, Setup& setup, judge::Sink& sink, sink::RunFacts& facts)
      : options_(options), digest_(digest), setup_(setup), sink_(sink), facts_(facts) {}

  // False: an input cannot be opened; told on standard error.
  Result<void> all() {
    const bool two_taps =
        !options_.separate && options_.inputs.size() > 1 && are_two_taps(options_.inputs);
    if (two_taps)
      facts_.notes.emplace_back(
          "the inputs show the same connections from two taps: each is judged by itself");
    if (!options_.separate && !two_taps) return some(0, options_.inputs.size());
    // Nothing is judged before every input is known to open: no result without its end.
    for (const std::string& path : options_.inputs) {
      if (path == "-") continue;
      if (auto reader = capture::Reader::open(path, 0, false); !reader)
        return std::unexpected(reader.error());
    }
    for (std::size_t i = 0; i < options_.inputs.size(); ++i)
      if (auto done = some(i, i + 1); !done) return done;
    return {};
  }

  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] std::uint64_t findings() const { return findings_; }
  [[nodiscard]] rules::Severity worst() const { return worst_; }

 private:
  Result<void> some(std::size_t first, std::size_t last) {
    std::vector<std::unique_ptr<capture::Reader>> readers;
    for (std::size_t i = first; i < last; ++i) {
      auto reader =
          capture::Reader::open(options_.inputs[i], static_cast<std::uint16_t>(i), digest_);
      if (!reader) return std::unexpected(reader.error());
      readers.push_back(std::move(*reader));
    }
    capture::Merger merger(std::move(readers));
    Pipeline pipeline(setup_.config, setup_.trust, setup_.redactor, sink_);
    Progress progress;
    std::uint64_t ordinal = 0;
    while (auto packet = merger.next()) {
      packet->at.ordinal = ++ordinal;
      if (!setup_.filter || setup_.filter->accepts(*packet)) pipeline.on_packet(*packet);
      progress.step(packet->at.time);
    }
    progress.done();
    pipeline.finish();
    for (const auto& reader : merger.readers()) {
      reader->finish();
      const capture::FileFacts& facts = reader->facts();
      damaged_ = damaged_ || facts.damage || facts.unknown_link_packets > 0;
      if (facts.damage) std::fprintf(stderr, "mxwarden-sensor: %s\n", facts.damage->c_str());
      facts_.inputs.push_back(facts);
    }
    add_counters(facts_, pipeline);
    findings_ += pipeline.judge().findings();
    worst_ = std::max(worst_, pipeline.judge().worst());
    return {};
  }

  const Options& options_;
  const bool digest_;
  Setup& setup_;
  judge::Sink& sink_;
  sink::RunFacts& facts_;
  bool damaged_ = false;
  std::uint64_t findings_ = 0;
  rules::Severity worst_ = rules::Severity::info;
};

int result_of(const Options& o, const Run& run) {
  if (run.damaged()) return kExitInput;
  return o.fail_on && run.findings() > 0 && run.worst() >= *o.fail_on ? kExitFindings : 0;
}

std::string exit_line(const Options& o, const Run& run) {
  const std::string threshold = o.fail_on ? std::string(rules::name(*o.fail_on)) : "never";
  const char* const what = run.damaged()        ? "input damaged or of unknown link type"
                           : run.findings() > 0 ? "findings"
                                                : "no findings";
  return "exit " + std::to_string(result_of(o, run)) + " (" + what + "; --fail-on " + threshold +
         ")";
}

bool wants_text(const Options& o) {
  if (o.format != Format::automatic) return o.format == Format::text;
  return o.output == "-" && isatty(STDOUT_FILENO) == 1;
}

}  // namespace

int replay(const Options& o) {
  auto setup = set_up(o);
  if (!setup) return complain(setup.error());
  auto output = sink::Output::open(o.output, !o.manifest_file.empty());
  if (!output) return complain(output.error());
  sink::RunFacts facts = facts_of(o, *setup);
  std::vector<std::string> names;
  for (const std::string& path : o.inputs) names.push_back(base_name(path));

  const bool text = wants_text(o);
  // A manifest proves the output's octets, which must not depend on where they are shown.
  const bool color = text && o.output == "-" && o.manifest_file.empty() &&
                     isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  sink::TextSink text_sink(*output, {.color = color, .file_names = names});
  sink::EveSink eve_sink(*output, {.sensor_name = o.sensor_name, .file_names = names},
                         setup->redactor);
  judge::Sink& sink = text ? static_cast<judge::Sink&>(text_sink) : eve_sink;
  // The text names every input by its digest, the manifest proves it; EVE has no place for it.
  Run run(o, text || !o.manifest_file.empty(), *setup, sink, facts);
  if (auto done = run.all(); !done) return complain(done.error());
  facts.exit_line = exit_line(o, run);
  if (text)
    text_sink.finish(facts);
  else
    eve_sink.finish(facts);
  const int code = result_of(o, run);
  if (!output->finish()) {
    const int trouble =
        complain({ErrorKind::environment, "the output could not be written completely"});
    return code != 0 ? code : trouble;  // damage and findings come first
  }
  if (!o.manifest_file.empty()) {
    auto written =
        write_manifest(o, facts, setup->config.policies, output->sha256(), text ? "text" : "eve");
    if (!written) {
      const int trouble = complain(written.error());
      return code != 0 ? code : trouble;
    }
  }
  return code;
}

}  // namespace mxw::sensor
