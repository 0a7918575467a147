// The macros a session reads, by the stage at which the MTA has to be asked for them
// (smfi_setsymlist): Postfix and Sendmail send them so, whatever their settings say. `i` is not
// asked for before MAIL: the MTA's id changes after STARTTLS, and the earlier stage would be found
// first. None of these is written with `+20` for a blank, as Sendmail writes names in certificates.
#pragma once

namespace mxw::milter {

inline constexpr char kConnectMacros[] =
    "j {daemon_name} {daemon_addr} {daemon_port} {if_addr} {client_addr} {client_port} "
    "{client_resolve}";
inline constexpr char kHeloMacros[] = "{tls_version} {cipher} {cipher_bits}";
inline constexpr char kMailMacros[] = "i {auth_type} {tls_version} {cipher} {cipher_bits}";
inline constexpr char kRcptMacros[] = "i {rcpt_mailer} {rcpt_host} {rcpt_addr}";
inline constexpr char kDataMacros[] = "i";
inline constexpr char kEndOfMessageMacros[] = "i";

}  // namespace mxw::milter
