// The same input gives the same bytes (semantics 1): for two runs, for two keys
// of the hash tables, and, less the fields that name files and frames, for one capture delivered as
// several files. Over every capture in pcaps/.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "judged.hpp"
#include "sensor/main/options.hpp"
#include "sensor/main/replay.hpp"
#include "tests/support/packet_builder.hpp"

namespace mxw::mutate {
namespace {

namespace fs = std::filesystem;

const std::string kSource = MXW_SOURCE_DIR;

class Determinism : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("mxw-determinism-" + std::to_string(getpid()));
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string run(const std::vector<std::string>& inputs, sensor::Format format,
                  std::uint64_t hash_seed) {
    sensor::Options o;
    o.inputs = inputs;
    o.policies_dir = kSource + "/pcaps/policies";
    o.rules_dir = kSource + "/rules";
    o.ca_file = kSource + "/pcaps/ca/lab-ca-two.pem";
    o.own = {Cidr::parse("192.0.2.0/24").value(), Cidr::parse("2001:db8:1::/48").value()};
    o.format = format;
    o.hash_seed = hash_seed;
    o.output = (dir_ / "out").string();
    EXPECT_EQ(sensor::replay(o), 0) << inputs.front();
    std::ifstream in(o.output, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (format == sensor::Format::text) bytes.erase(0, bytes.find('\n') + 1);  // names the version
    EXPECT_FALSE(bytes.empty()) << inputs.front();
    return bytes;
  }

  // The packets in files of their own, `parts` of nearly equal length.
  std::vector<std::string> split(const Packets& packets, std::size_t parts) {
    std::vector<std::string> paths;
    for (std::size_t part = 0; part < parts; ++part) {
      std::vector<test::Captured> some;
      const std::size_t last = packets.size() * (part + 1) / parts;
      for (std::size_t i = packets.size() * part / parts; i < last; ++i)
        some.push_back({packets[i].time.ns, packets[i].bytes, packets[i].wire_length});
      paths.push_back((dir_ / ("part" + std::to_string(part) + ".pcap")).string());
      test::write_pcap(paths.back(), some,
                       {.big_endian = false, .nanoseconds = true, .link = packets.front().link});
    }
    return paths;
  }

  fs::path dir_;
};

// Under a sanitizer everything takes many times as long: every third of them.
std::vector<Capture> some_captures() {
  std::vector<Capture> all = captures(kSource);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::size_t place = 0;
  std::erase_if(all, [&](const Capture&) { return place++ % 3 != 0; });
#endif
  return all;
}

std::string path_of(const Capture& capture) {
  return kSource + "/pcaps/" + capture.file;
}

// `line` with each list of numbers (`17` or `17,19`) that stands behind `word` put through
// `change`.
template <typename Change>
std::string with_numbers(const std::string& line, std::string_view word, Change change) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t found; (found = line.find(word, at)) != std::string::npos;) {
    const std::size_t begin = found + word.size();
    const std::size_t end = std::min(line.find_first_not_of("0123456789,", begin), line.size());
    out.append(line, at, begin - at);
    out += change(line.substr(begin, end - begin));
    at = end;
  }
  return out.append(line, at);
}

// Frame numbers stand in evidence lines (`S frame 17: 250 ...`, `ended in frame 9`) too.
std::string without_frames(const std::string& line) {
  const auto none = [](const std::string&) { return "N"; };
  return with_numbers(with_numbers(line, " frame ", none), " frames ", none);
}

// Less pcap_filename, pcap_cnt and what else counts frames: the list of an alert and its display
// filter.
std::vector<nlohmann::json> comparable(const std::string& eve) {
  std::vector<nlohmann::json> events;
  std::istringstream lines(eve);
  for (std::string line; std::getline(lines, line);) {
    nlohmann::json event = nlohmann::json::parse(without_frames(line));
    for (const char* key : {"pcap_filename", "pcap_cnt"}) event.erase(key);
    if (event.contains("alert"))
      for (const char* key : {"frames", "filter"}) event["alert"]["metadata"].erase(key);
    events.push_back(std::move(event));
  }
  return events;
}

TEST_F(Determinism, TwoRunsAndTwoHashKeysGiveTheSameBytes) {
  for (const Capture& capture : some_captures())
    for (const sensor::Format format : {sensor::Format::eve, sensor::Format::text}) {
      const std::string first = run({path_of(capture)}, format, 1);
      EXPECT_EQ(run({path_of(capture)}, format, 1), first) << capture.file << ": second run";
      EXPECT_EQ(run({path_of(capture)}, format, 0x5eed), first)
          << capture.file << ": other hash key";
      EXPECT_EQ(run({path_of(capture)}, format, 0), first)
          << capture.file << ": key drawn at random";
    }
}

TEST_F(Determinism, SeveralFilesGiveTheSameEvents) {
  for (const Capture& capture : some_captures()) {
    const Packets packets = read_packets(path_of(capture));
    const auto whole = comparable(run(split(packets, 1), sensor::Format::eve, 1));
    for (const std::size_t parts : {2U, 3U, 7U}) {
      const auto several = comparable(run(split(packets, parts), sensor::Format::eve, 1));
      ASSERT_EQ(several.size(), whole.size()) << capture.file << " in " << parts << " files";
      for (std::size_t i = 0; i < whole.size(); ++i)
        EXPECT_EQ(several[i], whole[i]) << capture.file << " in " << parts << " files, event " << i;
    }
  }
}

// Order on the command line is no order of the packets.
TEST_F(Determinism, FilesInAnyOrderGiveTheSameEvents) {
  for (const Capture& capture : some_captures()) {
    std::vector<std::string> parts = split(read_packets(path_of(capture)), 3);
    const auto forward = comparable(run(parts, sensor::Format::eve, 1));
    std::reverse(parts.begin(), parts.end());
    EXPECT_EQ(comparable(run(parts, sensor::Format::eve, 1)), forward) << capture.file;
  }
}

}  // namespace
}  // namespace mxw::mutate
