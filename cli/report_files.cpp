#include "cli/report_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "cli/complain.hpp"
#include "core/report/limits.hpp"

namespace mxw::cli {
namespace {

constexpr std::string_view kFrom = "From ";

Result<std::string> read_up_to(const std::string& path, std::size_t most) {
  std::string text;
  const auto take = [&](std::istream& in) {
    constexpr std::size_t kStep = 1 << 20;
    while (text.size() < most && in) {
      const std::size_t at = text.size(), step = std::min(kStep, most - at);
      text.resize(at + step);
      in.read(text.data() + at, static_cast<std::streamsize>(step));
      text.resize(at + static_cast<std::size_t>(in.gcount()));
    }
    return !in.bad();
  };
  if (path == "-") {
    if (take(std::cin)) return text;
  } else {
    std::ifstream in(path, std::ios::binary);
    if (in && take(in)) return text;
  }
  return fail(ErrorKind::input, path + ": cannot be read");
}

std::vector<std::string> files_of(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const char* const part : {"", "/cur", "/new"})
    for (const auto& entry : std::filesystem::directory_iterator(folder + part, error))
      if (entry.is_regular_file(error)) files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::string> read_report_file(const std::string& path) {
  return read_up_to(path, report::kInputBytes + 1);
}

std::vector<std::string> split_mbox(std::string_view text) {
  if (!text.starts_with(kFrom)) return {std::string(text)};
  std::vector<std::string> mails;
  bool after_empty = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (after_empty && line.starts_with(kFrom)) {
      mails.emplace_back();
      after_empty = false;
      continue;
    }
    after_empty = line == "\n" || line == "\r\n";
    const std::size_t quotes = line.find_first_not_of('>');
    if (quotes != 0 && quotes != std::string_view::npos && line.substr(quotes).starts_with(kFrom))
      line.remove_prefix(1);
    mails.back() += line;
  }
  return mails;
}

Result<void> for_each_mail(const std::string& path, const EachMail& each) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) {
    for (const std::string& file : files_of(path)) {
      const auto octets = read_report_file(file);
      if (!octets) {
        warn(octets.error().message);
        continue;
      }
      if (auto done = each(file, *octets); !done) return done;
    }
    return {};
  }
  const auto text = read_up_to(path, kMailboxBytes);
  if (!text) return std::unexpected(text.error());
  const auto mails = split_mbox(*text);
  for (std::size_t i = 0; i < mails.size(); ++i) {
    const std::string name = mails.size() == 1 ? path : path + '#' + std::to_string(i + 1);
    if (auto done = each(name, mails[i]); !done) return done;
  }
  return {};
}

}  // namespace mxw::cli
