#include "net/https/cause.hpp"

namespace mxw::https {

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::ok:
      return "ok";
    case Cause::busy:
      return "busy";
    case Cause::local:
      return "local";
    case Cause::no_address:
      return "no_address";
    case Cause::address_refused:
      return "address_refused";
    case Cause::connect:
      return "connect";
    case Cause::timeout:
      return "timeout";
    case Cause::tls:
      return "tls";
    case Cause::redirect:
      return "redirect";
    case Cause::status:
      return "status";
    case Cause::media_type:
      return "media_type";
    case Cause::headers_too_large:
      return "headers_too_large";
    case Cause::too_large:
      return "too_large";
    case Cause::interrupted:
      return "interrupted";
    case Cause::protocol:
      return "protocol";
    case Cause::certificate_expired:
      return "certificate_expired";
    case Cause::certificate_untrusted:
      return "certificate_untrusted";
    case Cause::certificate_name:
      return "certificate_name";
    case Cause::certificate_other:
      return "certificate_other";
    case Cause::empty_body:
      return "empty_body";
  }
  return {};
}

std::string_view result_type(Cause cause) {
  switch (cause) {
    case Cause::ok:
    case Cause::busy:
    case Cause::local:
      return {};
    case Cause::certificate_expired:
    case Cause::certificate_untrusted:
    case Cause::certificate_name:
    case Cause::certificate_other:
      return "sts-webpki-invalid";
    case Cause::empty_body:
      return "sts-policy-invalid";
    default:
      return "sts-policy-fetch-error";
  }
}

}  // namespace mxw::https
