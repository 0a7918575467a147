#include "core/store/statement.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/store/connection.hpp"

namespace mxw::store {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::vector<std::uint8_t> address_blob(const IpAddress& address) {
  if (address.family == 0) return {};
  std::vector<std::uint8_t> octets;
  if (address.v4()) octets.assign(kMappedPrefix.begin(), kMappedPrefix.end());
  octets.insert(octets.end(), address.bytes().begin(), address.bytes().end());
  return octets;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      idle_(other.idle_),
      handle_(std::exchange(other.handle_, nullptr)),
      lent_(other.lent_),
      parameter_(other.parameter_),
      column_(other.column_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (!handle_) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  idle_->push_back(handle_);
}

Statement& Statement::bound(int code) {
  if (bind_error_ == SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_integer(std::int64_t value) {
  return bound(sqlite3_bind_int64(handle_, ++parameter_, value));
}

Statement& Statement::bind_null() {
  return bound(sqlite3_bind_null(handle_, ++parameter_));
}

// A null pointer would bind NULL, which is not what an empty text means.
Statement& Statement::bind(std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  return bound(sqlite3_bind_text64(handle_, ++parameter_, data, text.size(),
                                   lent_ ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind(Bytes blob) {
  if (blob.empty()) return bound(sqlite3_bind_zeroblob(handle_, ++parameter_, 0));
  return bound(sqlite3_bind_blob64(handle_, ++parameter_, blob.data(), blob.size(),
                                   lent_ ? SQLITE_STATIC : SQLITE_TRANSIENT));
}

Statement& Statement::bind(const IpAddress& address) {
  const auto octets = address_blob(address);
  const bool lent = std::exchange(lent_, false);
  bind(Bytes(octets));
  lent_ = lent;
  return *this;
}

Result<bool> Statement::step() {
  column_ = 0;
  if (bind_error_ != SQLITE_OK) return std::unexpected(connection_->error(bind_error_));
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return std::unexpected(connection_->error(code));
}

Result<void> Statement::run() {
  for (;;) {
    const auto more = step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
  }
}

std::int64_t Statement::integer() {
  return sqlite3_column_int64(handle_, column_++);
}

std::optional<Time> Statement::optional_time() {
  if (sqlite3_column_type(handle_, column_) == SQLITE_NULL) {
    ++column_;
    return std::nullopt;
  }
  return time();
}

std::string Statement::text() {
  const auto octets = blob();
  return {octets.begin(), octets.end()};
}

std::vector<std::uint8_t> Statement::blob() {
  const int column = column_++;
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  if (!data || size <= 0) return {};
  return {data, data + size};
}

IpAddress Statement::address() {
  const auto octets = blob();
  if (octets.size() != 16) return {};
  if (std::ranges::equal(kMappedPrefix, Bytes(octets).first(kMappedPrefix.size())))
    return IpAddress::from_v4(Bytes(octets).subspan(kMappedPrefix.size()));
  return IpAddress::from_v6(octets);
}

}  // namespace mxw::store
