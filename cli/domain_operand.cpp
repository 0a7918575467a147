#include "cli/domain_operand.hpp"

#include "cli/wrap.hpp"
#include "core/mail/name.hpp"

namespace mxw::cli {

Result<std::string> domain_operand(const Given& given) {
  const std::string& text = given.operands.front();
  const auto name = mail::HostName::parse(text);
  if (!name) return fail(ErrorKind::usage, printable(text) + ": no domain name, as example.org");
  return name->text();
}

}  // namespace mxw::cli
