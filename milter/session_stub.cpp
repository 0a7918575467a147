#include "milter/session.hpp"
namespace mxw::milter {
std::string_view name(Stage s) {
  static const char* n[] = {"connect", "helo",   "mail",           "rcpt",
                            "data",    "header", "end-of-message", "abort"};
  return n[static_cast<int>(s)];
}
Session::Session(std::shared_ptr<const Settings> settings, Shared shared, std::uint64_t id)
    : settings_(std::move(settings)), shared_(std::move(shared)), id_(id) {}
Reply Session::connect(const Connect&, const Macros&) {
  return {};
}
Reply Session::helo(std::string_view, const Macros&) {
  return {};
}
Reply Session::mail(std::span<const std::string_view>, const Macros&) {
  return {};
}
Reply Session::rcpt(std::span<const std::string_view>, const Macros& m) {
  DecisionNote n;
  n.session = id_;
  n.time = shared_.clock();
  n.since = n.time;
  n.domain = "example.org";
  n.listener = m.get("{daemon_name}");
  n.decision.reason = Reason::policy_unknown;
  n.decision.temperror = true;
  shared_.recorder.decision(n);
  return {};
}
Reply Session::data(const Macros&) {
  return {};
}
void Session::header(std::string_view, std::string_view) {}
Edits Session::end_of_message(const Macros& m) {
  shared_.recorder.queue_id(id_, {}, m.get("i"));
  Edits e;
  e.authentication_results = "stub.example; none";
  return e;
}
void Session::abort() {}
}  // namespace mxw::milter
