// mxwarden-reportd: TLS reports (RFC 8460), those we send and those we get.
#include "core/service/daemon.hpp"
#include "reportd/program.hpp"
#include "reportd/report_mail.hpp"

namespace {

// --check-config: the keys, too.
mxw::Result<void> check(const mxw::config::Config& config) {
  const auto signers = mxw::reportd::load_signers(config.tlsrpt.send);
  if (!signers) return std::unexpected(signers.error());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  mxw::reportd::Program program;
  return mxw::service::run_daemon(
      argc, argv,
      {.name = "reportd",
       .tables = {"paths", "log", "reportd", "tlsrpt", "intake"},
       .profile = mxw::service::Profile::policyd,
       .options = {},
       .check = check,
       .once = {},
       .start = [&program](mxw::service::Context& context) { return program.start(context); },
       .reload = [&program](const mxw::config::Config& config) { program.reload(config); },
       .stop = [&program] { program.stop(); }});
}
