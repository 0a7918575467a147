#include "policyd/open_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/feed/replica.hpp"
#include "core/feed/row_file.hpp"
#include "core/store/sqlite_policy_store.hpp"
#include "core/store/store_file.hpp"

namespace mxw::policyd {
namespace {

std::string database_of(const std::string& folder) {
  return folder + "/policy.db";
}
std::string backup_of(const std::string& folder) {
  return folder + "/policy.backup";
}

std::string mark_of(const std::string& folder) {
  return folder + "/policy.damaged";
}
bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// Puts a store aside that its last user found damaged. The mark goes once the file has.
store::Result<void> heed_mark(const std::string& folder, Time now, OpenedStore& opened) {
  const std::string mark = mark_of(folder), path = database_of(folder);
  if (!exists(mark)) return {};
  if (exists(path)) {
    const auto aside = store::quarantine(path, now);
    if (!aside) return std::unexpected(aside.error());
    opened.notes.push_back("the store was found damaged while in use, and put aside as " + *aside);
  }
  (void)::unlink(mark.c_str());
  return {};
}

store::Result<std::unique_ptr<store::SqlitePolicyStore>> open_checked(const std::string& path,
                                                                      Time now) {
  auto store = store::SqlitePolicyStore::open(path, now);
  if (!store) return store;
  if (auto checked = (*store)->database().quick_check(); !checked)
    return std::unexpected(std::move(checked.error()));
  return store;
}

bool is_damage(store::Fault fault) {
  return fault == store::Fault::corrupt || fault == store::Fault::foreign;
}

// The rows of a backup into an empty store; gives the policies. A row that is refused is left out.
std::size_t restore(const std::string& path, store::PolicyStore& store) {
  feed::Replica backup;
  if (!backup.load(path)) return 0;
  std::size_t policies = 0;
  backup.for_each_domain(
      [&](std::uint32_t tenant, std::string_view name, const feed::DomainEntry& entry) {
        const rows::Key key{.tenant = tenant, .name = name};
        if (entry.domain() != nullptr && entry.policy() != nullptr)
          policies += store.put_policy(*entry.domain(), *entry.policy()) ? 1U : 0U;
        else if (entry.domain() != nullptr)
          (void)store.put_domain(*entry.domain());
        if (!entry.routes().empty()) (void)store.replace_routes(key, entry.routes());
        if (entry.tlsrpt() != nullptr) (void)store.put_tlsrpt(*entry.tlsrpt());
      });
  return policies;
}

// One process at a time: a second one would quarantine the store below the first.
Result<Fd> lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(ErrorKind::environment, path + ": " + std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorKind::environment,
                folder +
                    ": another mxwarden-policyd uses this store (`mxwarden policy import` works "
                    "while it runs)");
  return fd;
}

}  // namespace

Result<OpenedStore> open_store(const std::string& folder, Time now) {
  OpenedStore opened;
  auto locked = lock(folder);
  if (!locked) return std::unexpected(std::move(locked.error()));
  opened.lock = std::move(*locked);
  const std::string path = database_of(folder);
  if (auto heeded = heed_mark(folder, now, opened); !heeded)
    return std::unexpected(std::move(heeded.error()));
  bool lost = !exists(path) && exists(backup_of(folder));
  auto store = open_checked(path, now);
  if (!store && is_damage(store.error().fault)) {
    opened.notes.push_back(store.error().message);
    auto aside = store::quarantine(path, now);
    if (!aside) return std::unexpected(std::move(aside.error()));
    opened.notes.push_back("the damaged store was put aside as " + *aside);
    store = open_checked(path, now);
    lost = true;
  }
  if (!store) return std::unexpected(std::move(store.error()));
  if (lost)
    opened.notes.push_back("policies restored from the backup: " +
                           std::to_string(restore(backup_of(folder), **store)));
  opened.store = std::move(*store);
  return opened;
}

Result<void> mark_damaged(const std::string& folder) {
  const std::string path = mark_of(folder);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(ErrorKind::environment, path + ": " + std::strerror(errno));
  return {};
}

std::optional<Time> backup_time(const std::string& folder) {
  struct stat found{};
  if (::stat(backup_of(folder).c_str(), &found) != 0) return std::nullopt;
  return Time{static_cast<std::int64_t>(found.st_mtim.tv_sec) * kSecond + found.st_mtim.tv_nsec};
}

Result<void> write_backup(const std::string& folder, store::PolicyStore& store) {
  const auto head = store.head();
  if (!head) return std::unexpected(head.error());
  const auto numbers = store.statistics();
  if (!numbers) return std::unexpected(numbers.error());
  if (numbers->policies == 0 && exists(backup_of(folder))) return {};
  auto file = feed::RowFileWriter::create(backup_of(folder), *head);
  if (!file) return std::unexpected(std::move(file.error()));
  constexpr std::size_t kPage = 256;
  rows::Sequence after = 0;
  for (;;) {
    const auto page = store.current(after, kPage);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return file->commit(true);
    for (const rows::Change& change : *page) {
      if (!file->add(change)) return file->commit();  // tells why
    }
    after = sequence_of(page->back());
  }
}

}  // namespace mxw::policyd
