// JsonMessage: one small JSON object from another program, read leniently: a member that is absent
// or of another type reads as empty. Total on any octets: what is no object of version 1 is none.
// A value; thread-safe as such.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxw::ipc {

class JsonMessage {
 public:
  static constexpr int kVersion = 1;
  static constexpr int kDepth = 8;  // deeper is none of ours; bounds what a parser builds

  // nullopt: longer than `most` octets, no object, too deep, or `v` is not kVersion.
  [[nodiscard]] static std::optional<JsonMessage> parse(std::string_view text, std::size_t most);
  JsonMessage(JsonMessage&&) noexcept;
  JsonMessage& operator=(JsonMessage&&) noexcept;
  ~JsonMessage();

  [[nodiscard]] bool has(const char* name) const;
  // Empty also when it is longer than `most`.
  [[nodiscard]] std::string text(const char* name, std::size_t most) const;
  [[nodiscard]] std::uint64_t number(const char* name) const;  // 0 when it is none, or negative
  [[nodiscard]] bool boolean(const char* name) const;
  [[nodiscard]] std::vector<std::string> texts(const char* name, std::size_t most) const;
  // The elements of an array as JSON text, for those who read them with another reader.
  [[nodiscard]] std::vector<std::string> elements(const char* name, std::size_t most) const;

 private:
  struct Tree;
  explicit JsonMessage(std::unique_ptr<Tree> tree);
  std::unique_ptr<Tree> tree_;
};

}  // namespace mxw::ipc
