#include "sensor/sink/community_id.hpp"

#include "core/base/digest.hpp"

namespace mxw::sink {

std::string community_id(const Endpoint& a, const Endpoint& b, std::uint8_t protocol) {
  const bool in_order = a < b;
  const Endpoint& low = in_order ? a : b;
  const Endpoint& high = in_order ? b : a;
  std::string text(2, '\0');  // seed
  text += as_text(low.address.bytes());
  text += as_text(high.address.bytes());
  text += static_cast<char>(protocol);
  text += '\0';
  for (const Endpoint* e : {&low, &high}) {
    text += static_cast<char>(e->port >> 8);
    text += static_cast<char>(e->port & 0xff);
  }
  return "1:" + base64(sha1(as_bytes(text)));
}

}  // namespace mxw::sink
