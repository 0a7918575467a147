// The text of a rule file, and the same text as an override of itself.
#include "core/rules/readers.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace mxw;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  auto root = rules::parse_toml(text, "fuzz.toml");
  if (!root) {
    fuzz::use(root.error().message);
    return 0;
  }
  fuzz::use(rules::canonical(*root));
  rules::Problems problems;
  (void)rules::read_rule(*root, problems);
  fuzz::use(problems.first());
  const rules::Node over = *root;
  rules::Problems of_override;
  (void)rules::apply_override(*root, over, "R02", of_override);
  (void)rules::read_rule(*root, of_override);
  return 0;
}
