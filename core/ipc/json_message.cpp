#include "core/ipc/json_message.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace mxw::ipc {

using Json = nlohmann::json;

struct JsonMessage::Tree {
  Json json;

  [[nodiscard]] const Json* find(const char* name) const {
    const auto at = json.find(name);
    return at == json.end() ? nullptr : &*at;
  }
};

std::optional<JsonMessage> JsonMessage::parse(std::string_view text, std::size_t most) {
  if (text.size() > most) return std::nullopt;
  bool too_deep = false;
  const Json::parser_callback_t shallow = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDepth;
    return !too_deep;
  };
  auto tree = std::make_unique<Tree>();
  tree->json = Json::parse(text, shallow, false);
  if (too_deep || tree->json.is_discarded() || !tree->json.is_object()) return std::nullopt;
  JsonMessage message(std::move(tree));
  if (message.number("v") != kVersion) return std::nullopt;
  return message;
}

JsonMessage::JsonMessage(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
JsonMessage::JsonMessage(JsonMessage&&) noexcept = default;
JsonMessage& JsonMessage::operator=(JsonMessage&&) noexcept = default;
JsonMessage::~JsonMessage() = default;

bool JsonMessage::has(const char* name) const {
  return tree_->find(name) != nullptr;
}

std::string JsonMessage::text(const char* name, std::size_t most) const {
  const Json* const value = tree_->find(name);
  if (value == nullptr || !value->is_string()) return {};
  const auto& text = value->get_ref<const std::string&>();
  return text.size() > most ? std::string() : text;
}

std::uint64_t JsonMessage::number(const char* name) const {
  const Json* const value = tree_->find(name);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

bool JsonMessage::boolean(const char* name) const {
  const Json* const value = tree_->find(name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::vector<std::string> JsonMessage::texts(const char* name, std::size_t most) const {
  std::vector<std::string> out;
  const Json* const list = tree_->find(name);
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (out.size() >= most) break;
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<std::string> JsonMessage::elements(const char* name, std::size_t most) const {
  std::vector<std::string> out;
  const Json* const list = tree_->find(name);
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (out.size() >= most) break;
    out.push_back(item.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return out;
}

}  // namespace mxw::ipc
