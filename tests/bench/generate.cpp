// mxw-bench-generate: makes the two captures of `./dev bench` out of our own in pcaps/.
//
//   bulk.pcap   long messages: at least 90 % of the octets are packets with TLS or DATA of mail,
//               one DNS exchange to each session
//   small.pcap  sessions as recorded (more than 17 to the MB) with all their DNS; every second one
//               is TLS 1.2 with one of 1,000 distinct certificate chains in clear
//   ca.pem      the lab's root and the root of those chains, for --ca-file
//
// The same seed gives the same octets. Exit: 2 usage, 3 a capture that cannot be played again,
// 4 nothing could be written.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/bench/mix.hpp"

namespace mxw::bench {
namespace {

constexpr int kExitUsage = 2, kExitInput = 3, kExitEnvironment = 4;
constexpr std::size_t kChains = 1'000;

struct Options {
  std::string pcaps = "pcaps", out = "build/bench";
  std::uint64_t octets = 1'000'000'000, seed = 1;
};

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--pcaps")
      o.pcaps = argv[i + 1];
    else if (name == "--out")
      o.out = argv[i + 1];
    else if (name == "--bytes")
      o.octets = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--seed")
      o.seed = std::strtoull(argv[i + 1], nullptr, 10);
    else
      return false;
  }
  return argc % 2 == 1 && o.octets > 0;
}

Result<std::vector<Script>> read_all(const Options& o, std::initializer_list<const char*> names) {
  std::vector<Script> scripts;
  for (const char* name : names) {
    auto script = read_script(o.pcaps + "/" + name + ".pcap");
    if (!script) return std::unexpected(script.error());
    scripts.push_back(std::move(*script));
  }
  return scripts;
}

Result<void> write_capture(const Options& o, const std::string& name, const Mix& mix) {
  const std::string path = o.out + "/" + name;
  PacketWriter writer(path + ".part");
  const Totals totals = play(mix, o.octets, Random(o.seed), writer);
  std::error_code error;
  if (writer.finish()) std::filesystem::rename(path + ".part", path, error);
  if (!std::filesystem::exists(path) || error)
    return fail(ErrorKind::environment, path + ": cannot be written");
  const auto size = static_cast<double>(writer.octets());
  std::printf("%s %llu octets %llu packets %llu sessions, %.1f to the MB, messages %.1f %%\n",
              name.c_str(), static_cast<unsigned long long>(writer.octets()),
              static_cast<unsigned long long>(writer.packets()),
              static_cast<unsigned long long>(totals.sessions),
              static_cast<double>(totals.sessions) / (size / 1e6),
              100 * static_cast<double>(totals.message_octets) / size);
  return {};
}

Result<void> write_roots(const Options& o, const Chains& chains) {
  std::ifstream lab(o.pcaps + "/ca/lab-ca.pem", std::ios::binary);
  if (!lab) return fail(ErrorKind::input, o.pcaps + "/ca/lab-ca.pem: cannot be read");
  std::ofstream out(o.out + "/ca.pem", std::ios::binary | std::ios::trunc);
  out << std::string{std::istreambuf_iterator<char>(lab), {}} << chains.root_pem;
  if (!out.flush()) return fail(ErrorKind::environment, o.out + "/ca.pem: cannot be written");
  return {};
}

Result<void> generate(const Options& o) {
  std::error_code error;
  std::filesystem::create_directories(o.out, error);
  Random random(o.seed);
  const Chains chains = make_chains(kChains, random);
  if (auto done = write_roots(o, chains); !done) return done;

  auto mail = read_all(o, {"clean-tls13", "clean-exim-tls13", "clean-ipv6", "clean-tls12-anon",
                           "clean-no-tls", "clean-two-rcpt-domains", "clean-two-transactions"});
  auto certificates = read_all(o, {"clean-tls12-cert", "clean-tls12-rsa"});
  auto implicit = read_all(o, {"clean-tls13", "clean-implicit-tls"});
  if (!mail) return std::unexpected(mail.error());
  if (!certificates) return std::unexpected(certificates.error());
  if (!implicit) return std::unexpected(implicit.error());
  Mix bulk{.even = *mail, .odd = *implicit, .long_messages = true, .one_query = true};
  bulk.odd.insert(bulk.odd.end(), certificates->begin(), certificates->end());
  const Mix small{.even = std::move(*certificates), .odd = std::move(*mail), .chains = &chains};
  if (auto done = write_capture(o, "bulk.pcap", bulk); !done) return done;
  return write_capture(o, "small.pcap", small);
}

}  // namespace
}  // namespace mxw::bench

int main(int argc, char** argv) {
  using namespace mxw::bench;
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: mxw-bench-generate [--pcaps DIR] [--out DIR] [--bytes N] [--seed N]\n");
    return kExitUsage;
  }
  if (const auto done = generate(options); !done) {
    std::fprintf(stderr, "mxw-bench-generate: %s\n", done.error().message.c_str());
    return done.error().kind == mxw::ErrorKind::input ? kExitInput : kExitEnvironment;
  }
  return 0;
}
