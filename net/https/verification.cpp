#include "net/https/verification.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace mxw::https {

bool require_dns_id(void* ssl_ctx, const std::string& host) {
  X509_VERIFY_PARAM* const param = SSL_CTX_get0_param(static_cast<SSL_CTX*>(ssl_ctx));
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(param, host.data(), host.size()) == 1;
}

Cause cause_of_verify_result(long result) {
  switch (result) {
    case X509_V_OK:
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return Cause::certificate_name;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Cause::certificate_expired;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return Cause::certificate_untrusted;
    default:
      return Cause::certificate_other;
  }
}

std::string verify_result_text(long result) {
  if (result == X509_V_OK) return "the certificate does not name the host";
  return X509_verify_cert_error_string(result);
}

}  // namespace mxw::https
