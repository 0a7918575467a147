#include "core/rules/throttle.hpp"

#include "core/rules/literal_text.hpp"

namespace mxw::rules {
namespace {

// Each part with its length, so that no two different keys give one text. Unknown is a value of its
// own.
std::string key_text(const Rule& rule, const FieldSource& source) {
  std::string key = rule.id;
  for (const Field field : rule.throttle.key) {
    const Value value = source.get(field);
    const auto* text = value.as<std::string_view>();
    key += text == nullptr ? std::string("-") : std::to_string(text->size()) + ':';
    if (text != nullptr) key += *text;
  }
  return key;
}

}  // namespace

std::size_t Throttle::Hash::operator()(const std::string& text) const {
  return siphash(key, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Throttle::Throttle(HashKey hash_key, std::size_t max_keys)
    : max_keys_(max_keys), table_(0, Hash{hash_key}) {}

Throttle::Answer Throttle::ask(const Rule& rule, const FieldSource& source, Time now) {
  if (rule.throttle.window == 0) return {};
  std::string key = key_text(rule, source);
  const auto found = table_.find(key);
  if (found != table_.end()) {
    Entry& entry = *found->second;
    if (now - entry.start < rule.throttle.window) {
      const bool pass = entry.passed < rule.throttle.max;
      ++(pass ? entry.passed : entry.suppressed);
      return {pass, 0};
    }
    const std::uint64_t suppressed = entry.suppressed;
    entry = {std::move(key), now, 1, 0};
    order_.splice(order_.end(), order_, found->second);
    return {true, suppressed};
  }
  if (order_.size() >= max_keys_) {
    table_.erase(order_.front().key);
    order_.pop_front();
  }
  order_.push_back({key, now, 1, 0});
  table_.emplace(std::move(key), std::prev(order_.end()));
  return {};
}

}  // namespace mxw::rules
