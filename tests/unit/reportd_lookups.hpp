// Lookups that answer what the test says, when it says so.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/feed/lookup_client.hpp"

namespace mxw::reportd::test {

class HeldLookups final : public feed::Lookups {
 public:
  std::map<std::string, feed::LookupAnswer> answers;  // what is not there fails
  std::vector<std::string> asked;

  void lookup(feed::LookupKind, std::string_view name, Done done) override {
    asked.emplace_back(name);
    open_.emplace_back(std::string(name), std::move(done));
  }
  // Whether there was anything to answer.
  bool answer() {
    auto open = std::exchange(open_, {});
    for (auto& [name, done] : open) {
      feed::LookupAnswer answer;
      answer.state = feed::LookupState::failed;
      if (const auto found = answers.find(name); found != answers.end()) answer = found->second;
      done(answer);
    }
    return !open.empty();
  }

  void found(const std::string& name, const std::string& record, Time seen) {
    feed::LookupAnswer& answer = answers[name];
    answer.state = feed::LookupState::found;
    answer.records = {record};
    answer.seen = seen;
  }
  void denied(const std::string& name) { answers[name].state = feed::LookupState::denied; }
  void fails(const std::string& name) { answers.erase(name); }

 private:
  std::vector<std::pair<std::string, Done>> open_;
};

}  // namespace mxw::reportd::test
