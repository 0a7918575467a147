#include "core/report/json_tree.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/report/limits.hpp"

namespace mxw::report {
namespace {

using nlohmann::json;
using Kind = JsonTree::Kind;

constexpr int kNumberOutOfRange = 406;  // the library's id

bool has_doubled_member(const JsonTree& object) {
  std::vector<std::string_view> names;
  names.reserve(object.items.size());
  for (const JsonTree& member : object.items) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// Takes the events of the library's parser. An open container is the last item of the one around
// it, which does not grow meanwhile: the pointers hold.
class Builder : public json::json_sax_t {
 public:
  bool null() override { return add(Kind::null) != nullptr; }
  bool boolean(bool) override { return add(Kind::boolean) != nullptr; }
  bool number_integer(std::int64_t value) override {
    JsonTree* node = add(Kind::integer);
    if (node == nullptr) return false;
    node->negative = value < 0;
    node->magnitude =
        value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
    return true;
  }
  bool number_unsigned(std::uint64_t value) override {
    JsonTree* node = add(Kind::integer);
    if (node != nullptr) node->magnitude = value;
    return node != nullptr;
  }
  bool number_float(double value, const std::string&) override {
    JsonTree* node = add(Kind::real);
    if (node != nullptr) node->real = value;
    return node != nullptr;
  }
  bool string(std::string& value) override {
    JsonTree* node = add(Kind::string);
    if (node != nullptr) node->text = std::move(value);
    return node != nullptr;
  }
  bool binary(json::binary_t&) override { return false; }
  bool key(std::string& value) override {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t) override { return open(Kind::object); }
  bool start_array(std::size_t) override { return open(Kind::array); }
  bool end_object() override {
    if (has_doubled_member(*open_.back())) return refuse(Refusal::duplicate_key);
    return close();
  }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
    if (error.id == kNumberOutOfRange) return refuse(Refusal::bad_count);
    return refuse(values_ > 0 && open_.empty() ? Refusal::trailing_bytes : Refusal::not_json);
  }

  [[nodiscard]] Refusal refusal() const { return refusal_; }
  [[nodiscard]] JsonTree take() { return std::move(root_); }

 private:
  bool refuse(Refusal refusal) {
    refusal_ = refusal;
    return false;
  }
  JsonTree* add(Kind kind) {
    if (++values_ > kJsonValues) {
      refuse(Refusal::too_large);
      return nullptr;
    }
    JsonTree* node = &root_;
    if (!open_.empty()) node = &open_.back()->items.emplace_back();
    node->kind = kind;
    node->name = std::move(key_);
    key_.clear();
    return node;
  }
  bool open(Kind kind) {
    if (open_.size() == kJsonDepth) return refuse(Refusal::too_deep);
    JsonTree* node = add(kind);
    if (node != nullptr) open_.push_back(node);
    return node != nullptr;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  JsonTree root_;
  std::vector<JsonTree*> open_;
  std::string key_;
  std::size_t values_ = 0;
  Refusal refusal_ = Refusal::not_json;
};

}  // namespace

std::expected<JsonTree, Refusal> parse_json(std::string_view text) {
  Builder builder;
  try {
    if (!json::sax_parse(text.begin(), text.end(), &builder))
      return std::unexpected(builder.refusal());
    // To the library a NUL ends the text.
    if (text.contains('\0')) return std::unexpected(Refusal::trailing_bytes);
    return builder.take();
  } catch (const std::exception&) {
    return std::unexpected(Refusal::not_json);
  }
}

}  // namespace mxw::report
