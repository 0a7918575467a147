// Statement: one prepared SQL statement with typed parameters and columns.
//
// Parameters are bound from left to right, columns are read from left to right; nothing is indexed,
// so a statement and its reader stand side by side in the same order. A failed bind is told by the
// next step(). Text and blobs are copied in and out, unless lent. Types on disk: integers, times as
// INTEGER ns, names as TEXT, addresses as BLOB of 16 octets (IPv4 as ::ffff:a.b.c.d, so an
// IPv4-mapped IPv6 address comes back as IPv4; an address that is not known is an empty BLOB).
//
// Got from Database::prepare() and given back to its cache by the destructor: it must not outlive
// the Database. One thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/ip.hpp"
#include "core/base/time.hpp"
#include "core/store/error.hpp"

struct sqlite3_stmt;

namespace mxw::store {

struct Connection;

// The octets an address is stored and ordered by.
[[nodiscard]] std::vector<std::uint8_t> address_blob(const IpAddress& address);

class Statement {
 public:
  using Idle = std::vector<sqlite3_stmt*>;  // prepared from one text and not in use
  Statement(Connection& connection, Idle& idle, sqlite3_stmt* handle)
      : connection_(&connection), idle_(&idle), handle_(handle) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // What is bound from now on outlives the statement's use and is not copied.
  Statement& lend() {
    lent_ = true;
    return *this;
  }
  Statement& bind(std::string_view text);
  Statement& bind(Bytes blob);
  Statement& bind(const IpAddress& address);
  Statement& bind(Time time) { return bind_integer(time.ns); }
  template <std::integral Integer>
  Statement& bind(Integer value) {
    return bind_integer(static_cast<std::int64_t>(value));
  }
  template <typename T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }

  // True: a row stands ready and its columns are read from the first one. False: done.
  Result<bool> step();
  // Steps to the end; rows are thrown away.
  Result<void> run();

  // The next column. What is not there reads as zero or empty.
  std::int64_t integer();
  template <std::integral Integer>
  Integer integer_as() {
    return static_cast<Integer>(integer());
  }
  bool boolean() { return integer() != 0; }
  Time time() { return {integer()}; }
  std::optional<Time> optional_time();
  std::string text();
  std::vector<std::uint8_t> blob();
  IpAddress address();

 private:
  Statement& bind_integer(std::int64_t value);
  Statement& bind_null();
  Statement& bound(int code);

  Connection* connection_;
  Idle* idle_;
  sqlite3_stmt* handle_;
  bool lent_ = false;
  int parameter_ = 0, column_ = 0;
  int bind_error_ = 0;
};

}  // namespace mxw::store
