#include "core/service/instance.hpp"

namespace mxw::service {

bool is_instance(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

std::string instance_folder(std::string_view program, std::string_view instance) {
  std::string folder(program);
  if (!instance.empty()) (folder += '-') += instance;
  return folder;
}

}  // namespace mxw::service
