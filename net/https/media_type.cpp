#include "net/https/media_type.hpp"

#include "core/base/ascii.hpp"

namespace mxw::https {

bool is_plain_text(std::string_view content_type) {
  return ascii::iequals(ascii::trim(content_type.substr(0, content_type.find(';'))), "text/plain");
}

}  // namespace mxw::https
