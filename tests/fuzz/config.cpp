// The text of mxwarden.toml: read, printed and read again, which must give the same.
#include "core/base/check.hpp"
#include "core/config/load.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace mxw;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  (void)config::parse_listen(text);
  const auto config = config::parse(text, "fuzz.toml");
  if (!config) {
    fuzz::use(config.error().message);
    return 0;
  }
  const std::string dump = config::dump(*config);
  const auto again = config::parse(dump, "dump.toml");
  MXW_CHECK(again && config::changes(*config, *again).empty());
  return 0;
}
