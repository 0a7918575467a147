#include "cli/options.hpp"

#include <algorithm>
#include <utility>

#include "cli/wrap.hpp"

namespace mxw::cli {

class OptionReader {
 public:
  OptionReader(std::span<const Option> options, std::span<const std::string> arguments)
      : options_(options), rest_(arguments) {}

  Result<Given> read() {
    while (!rest_.empty()) {
      const std::string& argument = take();
      if (argument == "--help" || argument == "-h") {
        given_.values_["help"].emplace_back();
        break;
      }
      if (argument == "--") {
        while (!rest_.empty()) given_.operands.push_back(take());
      } else if (argument.size() > 1 && argument.starts_with('-')) {
        if (auto done = read_option(argument); !done) return std::unexpected(done.error());
      } else {
        given_.operands.push_back(argument);
      }
    }
    return std::move(given_);
  }

 private:
  const std::string& take() {
    const std::string& first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }

  Result<void> read_option(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string word = argument.substr(0, equals);
    const auto at = std::find_if(options_.begin(), options_.end(), [&word](const Option& option) {
      return word == "--" + std::string(option.name);
    });
    if (at == options_.end()) return fail(ErrorKind::usage, word + ": no such option");
    std::vector<std::string>& values = given_.values_[at->name];
    if (!values.empty() && !at->repeats) return fail(ErrorKind::usage, word + ": is given twice");
    const bool inside = equals != std::string::npos;
    if (at->value == nullptr) {
      if (inside) return fail(ErrorKind::usage, word + ": takes no value");
      values.emplace_back();
      return {};
    }
    if (!inside && rest_.empty())
      return fail(ErrorKind::usage, word + ": " + at->value + " is missing");
    values.push_back(inside ? argument.substr(equals + 1) : take());
    return {};
  }

  std::span<const Option> options_;
  std::span<const std::string> rest_;
  Given given_;
};

std::string Given::text(std::string_view name, std::string otherwise) const {
  const auto at = values_.find(name);
  return at != values_.end() ? at->second.front() : std::move(otherwise);
}

std::vector<std::string> Given::all(std::string_view name) const {
  const auto at = values_.find(name);
  return at != values_.end() ? at->second : std::vector<std::string>();
}

Result<Given> read_options(std::span<const Option> options,
                           std::span<const std::string> arguments) {
  return OptionReader(options, arguments).read();
}

std::string options_help(std::span<const Option> options) {
  constexpr std::size_t kColumn = 24;
  std::string out;
  for (const Option& option : options) {
    std::string line = "  --" + std::string(option.name);
    if (option.value != nullptr) line += ' ' + std::string(option.value);
    if (line.size() + 2 > kColumn) {
      out += line + '\n';
      line.clear();
    }
    line.resize(kColumn, ' ');
    out += wrapped(line, option.text, kColumn);
  }
  return out;
}

}  // namespace mxw::cli
