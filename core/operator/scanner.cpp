#include "core/operator/scanner.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/mail/name.hpp"
#include "core/operator/descriptor.hpp"
#include "core/operator/read.hpp"

namespace mxw::operators {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kListed = 4 * kDomainFiles;  // names looked at in one listing

// The clock that file times are of.
Time file_clock() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {static_cast<std::int64_t>(t.tv_sec) * kSecond + t.tv_nsec};
}

Descriptor open_directory(int at, const char* path, int flags) {
  return Descriptor(openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
}

// The name of a file is hostile too: printable and short where it is told.
std::string shown(std::string_view file) {
  std::string out(file.substr(0, 64));
  for (char& c : out)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return out;
}

bool is_domain(std::string_view text) {
  const auto name = mail::HostName::parse(text);
  return name && name->text() == text;
}

}  // namespace

bool Scanner::scan(Time now) {
  const Time taken = file_clock();
  const std::string trouble = std::exchange(trouble_, {});
  const Descriptor directory = open_directory(AT_FDCWD, dir_.c_str(), 0);
  if (directory) {
    scan_enforcement(directory.get(), now, taken);
    scan_domains(directory.get(), now, taken);
  } else if (errno == ENOENT) {
    nothing_there();
  } else {
    set_trouble(std::string("cannot be read: ") + std::strerror(errno));
  }
  changed_ = changed_ || trouble != trouble_;
  if (!changed_) return false;
  changed_ = false;
  state_ = compile();
  return true;
}

void Scanner::nothing_there() {
  changed_ = changed_ || enforcement_ != Enforcement{};
  enforcement_ = {};
  enforcement_recent_ = true;
  forget_domains();
}

void Scanner::forget_domains() {
  changed_ = changed_ || !entries_.empty() || bad_names_ != 0 || over_limit_ != 0;
  entries_.clear();
  name_notes_.clear();
  bad_names_ = over_limit_ = 0;
  domains_recent_ = true;
}

void Scanner::set_trouble(std::string note) {
  trouble_ = std::move(note);
}

void Scanner::scan_enforcement(int directory, Time now, Time taken) {
  const char* const name = "enforcement.json";
  struct stat status{};
  if (!enforcement_recent_ && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      stamp_of(status) == enforcement_stamp_)
    return;
  const SmallFile file = read_small_file(directory, name);
  if (file.outcome == ReadOutcome::trouble) return;
  Enforcement said;
  if (file.outcome == ReadOutcome::text) {
    said = parse_enforcement(file.text, file.stamp.modified, now);
  } else if (file.outcome == ReadOutcome::refused) {
    said = unreadable_enforcement(file.stamp.modified, now, file.text);
  }
  enforcement_stamp_ = file.stamp;
  enforcement_recent_ = file.outcome == ReadOutcome::absent ||
                        may_hide_a_change(file.stamp, taken) || file.stamp.modified > now;
  changed_ = changed_ || said != enforcement_;
  enforcement_ = std::move(said);
}

void Scanner::scan_domains(int directory, Time now, Time taken) {
  const Descriptor domains = open_directory(directory, "domain", O_NOFOLLOW);
  struct stat status{};
  if (!domains || fstat(domains.get(), &status) != 0) {
    if (errno == ENOENT) return forget_domains();
    return set_trouble(std::string("domain: cannot be read: ") + std::strerror(errno));
  }
  const Stamp stamp = stamp_of(status);
  if (!domains_recent_ && stamp == domains_stamp_) return check_some(domains.get(), now, taken);
  domains_stamp_ = stamp;
  domains_recent_ = may_hide_a_change(stamp, taken);
  list(domains.get(), now, taken);
}

void Scanner::list(int domains, Time now, Time taken) {
  Descriptor again(openat(domains, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = again ? fdopendir(again.get()) : nullptr;
  if (stream == nullptr) {
    domains_recent_ = true;
    return set_trouble(std::string("domain: cannot be read: ") + std::strerror(errno));
  }
  static_cast<void>(again.release());  // the stream's now
  ++listing_;
  const auto bad = std::exchange(name_notes_, {});
  const auto counts = std::pair(std::exchange(bad_names_, 0), std::exchange(over_limit_, 0));
  std::size_t looked_at = 0;
  while (const dirent* const found = readdir(stream)) {
    const std::string_view file = found->d_name;
    if (file.starts_with('.')) continue;  // itself, its parent, and what is being written
    if (++looked_at > kListed) {
      ++over_limit_;
      break;
    }
    take_name(domains, file, now, taken);
  }
  closedir(stream);
  changed_ = changed_ || std::pair(bad_names_, over_limit_) != counts || bad != name_notes_;
  const std::size_t gone =
      std::erase_if(entries_, [this](const auto& item) { return item.second.seen != listing_; });
  changed_ = changed_ || gone > 0;
}

void Scanner::take_name(int domains, std::string_view file, Time now, Time taken) {
  const std::string_view domain =
      file.ends_with(kSuffix) ? file.substr(0, file.size() - kSuffix.size()) : std::string_view();
  if (!is_domain(domain)) {
    ++bad_names_;
    if (name_notes_.size() < kNotes)
      name_notes_.push_back("domain/" + shown(file) + ": the name is not DOMAIN.json");
    return;
  }
  auto at = entries_.find(domain);
  if (at == entries_.end()) {
    if (entries_.size() >= kDomainFiles) {
      ++over_limit_;
      return;
    }
    at = entries_.emplace(domain, Entry{}).first;
  }
  at->second.seen = listing_;
  if (!check(domains, at->first, at->second, now, taken)) entries_.erase(at);
}

void Scanner::check_some(int domains, Time now, Time taken) {
  std::size_t left = std::min(checks_, entries_.size());
  auto at = entries_.lower_bound(next_);
  while (left-- > 0) {
    if (at == entries_.end()) at = entries_.begin();
    if (at == entries_.end()) return;
    const bool there = check(domains, at->first, at->second, now, taken);
    at = there ? std::next(at) : entries_.erase(at);
  }
  next_ = at == entries_.end() ? std::string() : at->first;
}

// False: it is not there any more.
bool Scanner::check(int domains, const std::string& domain, Entry& entry, Time now, Time taken) {
  const std::string name = domain + std::string(kSuffix);
  struct stat status{};
  if (!entry.recent && fstatat(domains, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      stamp_of(status) == entry.stamp)
    return true;
  const SmallFile file = read_small_file(domains, name.c_str());
  if (file.outcome == ReadOutcome::trouble) {
    entry.recent = true;
    domains_recent_ = true;
    return true;
  }
  if (file.outcome == ReadOutcome::absent) {
    changed_ = true;
    return false;
  }
  std::shared_ptr<const DomainBrake> brake;
  std::string note = file.text;
  if (file.outcome == ReadOutcome::text) {
    auto said = parse_brake(file.text, file.stamp.modified, now);
    if (said) brake = std::make_shared<const DomainBrake>(std::move(*said));
    note = said ? "" : said.error();
  }
  const bool same = (brake != nullptr) == (entry.brake != nullptr) &&
                    (brake == nullptr || *brake == *entry.brake) && note == entry.note;
  changed_ = changed_ || !same;
  entry.stamp = file.stamp;
  entry.recent = may_hide_a_change(file.stamp, taken) || file.stamp.modified > now;
  entry.brake = std::move(brake);
  entry.note = std::move(note);
  return true;
}

std::shared_ptr<const OperatorState> Scanner::compile() const {
  OperatorState::Brakes brakes;
  OperatorState::Notes notes;
  const auto tell = [&notes](std::string text) {
    if (notes.texts.size() < kNotes) notes.texts.push_back(std::move(text));
  };
  notes.unread = !trouble_.empty();
  if (notes.unread) tell(trouble_);
  if (enforcement_.unreadable || (!enforcement_.off && !enforcement_.reason.empty()))
    tell("enforcement.json: " + enforcement_.reason);
  for (const auto& [domain, entry] : entries_) {
    if (entry.brake != nullptr) {
      brakes.emplace_hint(brakes.end(), domain, entry.brake);
      continue;
    }
    ++notes.ignored;
    tell("domain/" + domain + ".json: " + entry.note);
  }
  for (const std::string& note : name_notes_) tell(note);
  notes.ignored += bad_names_;
  notes.over_limit = over_limit_;
  if (over_limit_ > 0)
    tell("domain: more than " + std::to_string(kDomainFiles) + " files, the others are ignored");
  return std::make_shared<const OperatorState>(enforcement_, std::move(brakes), std::move(notes));
}

std::shared_ptr<const OperatorState> read_operator_state(const std::string& dir, Time now) {
  Scanner scanner(dir, kDomainFiles);
  scanner.scan(now);
  return scanner.state();
}

}  // namespace mxw::operators
