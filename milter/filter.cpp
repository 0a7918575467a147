#include "milter/filter.hpp"

#include <grp.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/fd.hpp"

namespace mxw::milter {
namespace {

constexpr unsigned long kActions =
    SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
// What is not for us, and where nothing is answered: a round trip less for each.
constexpr unsigned long kSteps = SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NOEOH | SMFIP_NR_HELO |
                                 SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_HDR_LEADSPC;

constexpr char kHeader[] = "Authentication-Results";

// Asked of the MTA, so that nobody has to edit its lists. What it does not have it does not send.
constexpr std::pair<int, const char*> kMacros[] = {
    {SMFIM_CONNECT,
     "j _ {daemon_name} {daemon_addr} {daemon_port} {if_name} {if_addr} {client_addr} "
     "{client_port} {client_name}"},
    {SMFIM_HELO, "{tls_version} {cipher} {cipher_bits} {verify} {cert_subject} {cert_issuer}"},
    {SMFIM_ENVFROM, "i {auth_type} {auth_authen} {mail_addr} {mail_host} {mail_mailer}"},
    {SMFIM_ENVRCPT, "i {rcpt_addr} {rcpt_host} {rcpt_mailer}"},
    {SMFIM_DATA, "i"},
    {SMFIM_EOM, "i"}};

// libmilter takes what it does not change as pointers to char.
char* loose(const char* text) {
  return const_cast<char*>(text);
}

class ContextMacros final : public Macros {
 public:
  explicit ContextMacros(SMFICTX* context) : context_(context) {}
  [[nodiscard]] std::string_view get(const char* name) const override {
    const char* const value = smfi_getsymval(context_, loose(name));
    return value == nullptr ? std::string_view() : std::string_view(value);
  }

 private:
  SMFICTX* context_;
};

std::optional<Endpoint> endpoint_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return Endpoint{IpAddress::from_v4(Bytes(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr),
                                             sizeof v4.sin_addr)),
                    ntohs(v4.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return Endpoint{IpAddress::from_v6(Bytes(reinterpret_cast<const std::uint8_t*>(&v6.sin6_addr),
                                             sizeof v6.sin6_addr)),
                    ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

std::vector<std::string_view> arguments_of(char** argv) {
  std::vector<std::string_view> arguments;
  for (; argv != nullptr && *argv != nullptr; ++argv) arguments.emplace_back(*argv);
  return arguments;
}

// Before connect the private data hold what was negotiated, as an odd number: nothing is allocated
// that a connection which ends here would leave behind.
enum Negotiated : std::uintptr_t { kNegotiated = 1, kLeadingSpace = 2, kQuietSteps = 4 };

std::uintptr_t number_of(void* data) {
  return reinterpret_cast<std::uintptr_t>(data);
}

}  // namespace

// Who is inside a callback, and whether anybody is let in. It outlives every Filter: a worker may
// come at any time, also after smfi_main() has returned.
class Gate {
 public:
  bool enter() {
    inside_.fetch_add(1);
    if (open_.load()) return true;
    leave();
    return false;
  }
  void leave() {
    if (inside_.fetch_sub(1) == 1) inside_.notify_all();
  }
  void open() { open_.store(true); }
  void close() {  // returns when nobody is inside
    open_.store(false);
    for (std::int64_t n = inside_.load(); n != 0; n = inside_.load()) inside_.wait(n);
  }

 private:
  std::atomic<bool> open_ = false;
  std::atomic<std::int64_t> inside_ = 0;
};

struct Conversation {
  std::unique_ptr<Session> session;
  std::uintptr_t negotiated = 0;
  // Of a callback whose answer the MTA does not wait for: given at the next it does.
  bool tempfail = false;
};

class Filter::Side {
 public:
  explicit Side(Hooks hooks) : hooks_(std::move(hooks)) {}

  void negotiate(SMFICTX* context, unsigned long actions, unsigned long steps,
                 unsigned long& wanted_actions, unsigned long& wanted_steps);
  void connect(SMFICTX* context);
  void close(SMFICTX* context);
  void end_all();

  // Runs `call` on the conversation. `unanswered`: the MTA waits for no reply where it was agreed
  // so.
  template <typename Call>
  sfsistat on(SMFICTX* context, bool unanswered, Call call) noexcept;
  sfsistat apply(SMFICTX* context, const Conversation& conversation, const Edits& edits);
  template <typename Call>
  void quietly(Call call) noexcept {
    try {
      call();
    } catch (...) {
      ++counters.exceptions;
    }
  }

  Counters counters;

 private:
  sfsistat answer(SMFICTX* context, Conversation& conversation, const Reply& reply,
                  bool unanswered);
  sfsistat set_reply(SMFICTX* context, const char* code, const char* enhanced, const char* text);
  sfsistat tempfail(SMFICTX* context);

  Hooks hooks_;
  std::mutex mutex_;
  std::unordered_set<Conversation*> live_;
};

namespace {

constinit Gate gate;
// libmilter's callbacks have no argument for it. Set while the gate is open.
constinit Filter::Side* side = nullptr;

Conversation* conversation_of(SMFICTX* context) {
  void* const data = smfi_getpriv(context);
  return (number_of(data) & kNegotiated) != 0 ? nullptr : static_cast<Conversation*>(data);
}

}  // namespace

void Filter::Side::negotiate(SMFICTX* context, unsigned long actions, unsigned long steps,
                             unsigned long& wanted_actions, unsigned long& wanted_steps) {
  const bool headers = hooks_.wants_headers();
  wanted_actions = kActions & actions;
  wanted_steps = (kSteps | (headers ? 0 : SMFIP_NOHDRS)) & steps;
  if (wanted_actions != kActions) ++counters.poor_offers;
  if ((actions & SMFIF_SETSYMLIST) != 0) {
    for (const auto& [stage, macros] : kMacros)
      (void)smfi_setsymlist(context, stage, loose(macros));
  }
  std::uintptr_t negotiated = kNegotiated;
  if ((wanted_steps & SMFIP_HDR_LEADSPC) != 0) negotiated |= kLeadingSpace;
  constexpr unsigned long kQuiet = SMFIP_NR_HELO | SMFIP_NR_DATA | SMFIP_NR_HDR;
  if ((wanted_steps & kQuiet) == kQuiet)
    negotiated |= kQuietSteps;
  else
    wanted_steps &= ~kQuiet;
  (void)smfi_setpriv(context, reinterpret_cast<void*>(negotiated));
}

void Filter::Side::connect(SMFICTX* context) {
  auto conversation = std::make_unique<Conversation>();
  if (void* const data = smfi_getpriv(context); (number_of(data) & kNegotiated) != 0)
    conversation->negotiated = number_of(data);
  conversation->session = hooks_.open();
  const std::scoped_lock lock(mutex_);
  live_.insert(conversation.get());
  ++counters.connections;
  ++counters.live;
  (void)smfi_setpriv(context, conversation.release());
}

// May come without anything before it, and without private data.
void Filter::Side::close(SMFICTX* context) {
  const std::unique_ptr<Conversation> conversation(conversation_of(context));
  (void)smfi_setpriv(context, nullptr);
  if (conversation == nullptr) return;
  {
    const std::scoped_lock lock(mutex_);
    live_.erase(conversation.get());
    --counters.live;
  }
  quietly([&] { conversation->session->close(); });
}

// REQUIRES: the gate is closed, so the sessions are ours.
void Filter::Side::end_all() {
  const std::scoped_lock lock(mutex_);
  for (Conversation* const conversation : live_) {
    quietly([&] { conversation->session->close(); });
    delete conversation;
    --counters.live;
  }
  live_.clear();
}

sfsistat Filter::Side::set_reply(SMFICTX* context, const char* code, const char* enhanced,
                                 const char* text) {
  if (smfi_setreply(context, loose(code), loose(enhanced), loose(text)) != MI_SUCCESS)
    ++counters.refused_replies;  // the MTA then gives its own words
  return SMFIS_TEMPFAIL;
}

sfsistat Filter::Side::tempfail(SMFICTX* context) {
  return set_reply(context, "451", "4.3.0", "Temporary failure of the mail filter");
}

sfsistat Filter::Side::answer(SMFICTX* context, Conversation& conversation, const Reply& reply,
                              bool unanswered) {
  if (unanswered && (conversation.negotiated & kQuietSteps) != 0) {
    conversation.tempfail = conversation.tempfail || reply.kind == Reply::Kind::tempfail;
    return SMFIS_NOREPLY;
  }
  if (std::exchange(conversation.tempfail, false)) return tempfail(context);
  switch (reply.kind) {
    case Reply::Kind::go_on:
      return SMFIS_CONTINUE;
    case Reply::Kind::accept:
      return SMFIS_ACCEPT;
    case Reply::Kind::defer:
      return set_reply(context, reply.code.c_str(), reply.enhanced.c_str(), reply.text.c_str());
    case Reply::Kind::tempfail:
      break;
  }
  return tempfail(context);
}

// Exceptions end here: libmilter is C.
template <typename Call>
sfsistat Filter::Side::on(SMFICTX* context, bool unanswered, Call call) noexcept {
  Conversation* const conversation = conversation_of(context);
  if (conversation == nullptr) {  // its connect failed
    const bool quiet = unanswered && (number_of(smfi_getpriv(context)) & kQuietSteps) != 0;
    return quiet ? SMFIS_NOREPLY : SMFIS_CONTINUE;
  }
  Reply reply;
  try {
    if constexpr (std::is_same_v<std::invoke_result_t<Call, Conversation&>, Reply>)
      reply = call(*conversation);
    else
      call(*conversation);
    return answer(context, *conversation, reply, unanswered);
  } catch (...) {
    ++counters.exceptions;
    const bool quiet = unanswered && (conversation->negotiated & kQuietSteps) != 0;
    const bool fails = hooks_.tempfail_on_error();
    if (quiet) conversation->tempfail = fails;
    if (quiet) return SMFIS_NOREPLY;
    return fails ? SMFIS_TEMPFAIL : SMFIS_CONTINUE;
  }
}

// Headers from the last to the first, so that no index moves; a new one on top of all.
sfsistat Filter::Side::apply(SMFICTX* context, const Conversation& conversation,
                             const Edits& edits) {
  const auto done = [this](int result) {
    if (result != MI_SUCCESS) ++counters.refused_edits;
  };
  auto changed = edits.changed;
  std::ranges::sort(changed, std::ranges::greater{}, &Edits::Change::index);
  for (const Edits::Change& change : changed)
    done(smfi_chgheader(context, loose(kHeader), static_cast<int>(change.index),
                        change.value.empty() ? nullptr : loose(change.value.c_str())));
  if (edits.authentication_results) {
    const bool space = (conversation.negotiated & kLeadingSpace) != 0;
    const std::string value = (space ? " " : "") + *edits.authentication_results;
    done(smfi_insheader(context, 0, loose(kHeader), loose(value.c_str())));
  }
  if (edits.quarantine) done(smfi_quarantine(context, loose(edits.quarantine->c_str())));
  return SMFIS_CONTINUE;
}

namespace {

// What each callback does first: the filter is there, and lets it in.
template <typename Call>
sfsistat enter(Call call) noexcept {
  if (!gate.enter()) return SMFIS_CONTINUE;
  const sfsistat result = call(*side);
  gate.leave();
  return result;
}

extern "C" {

sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps, unsigned long,
                      unsigned long, unsigned long* wanted_actions, unsigned long* wanted_steps,
                      unsigned long* third, unsigned long* fourth) {
  *wanted_actions = *wanted_steps = *third = *fourth = 0;
  return enter([&](Filter::Side& here) noexcept {
    here.negotiate(context, actions, steps, *wanted_actions, *wanted_steps);
    return SMFIS_CONTINUE;
  });
}

sfsistat on_connect(SMFICTX* context, char* host, _SOCK_ADDR* address) {
  return enter([&](Filter::Side& here) noexcept {
    try {
      here.connect(context);
    } catch (...) {
      ++here.counters.exceptions;  // without a session: the mail flows
      return SMFIS_CONTINUE;
    }
    return here.on(context, false, [&](Conversation& conversation) {
      return conversation.session->connect(
          {.host = host == nullptr ? std::string() : std::string(host),
           .client = endpoint_of(address)},
          ContextMacros(context));
    });
  });
}

sfsistat on_helo(SMFICTX* context, char* name) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, true, [&](Conversation& conversation) {
      return conversation.session->helo(name == nullptr ? "" : name, ContextMacros(context));
    });
  });
}

sfsistat on_mail(SMFICTX* context, char** argv) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, false, [&](Conversation& conversation) {
      return conversation.session->mail(arguments_of(argv), ContextMacros(context));
    });
  });
}

sfsistat on_rcpt(SMFICTX* context, char** argv) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, false, [&](Conversation& conversation) {
      return conversation.session->rcpt(arguments_of(argv), ContextMacros(context));
    });
  });
}

sfsistat on_data(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, true, [&](Conversation& conversation) {
      return conversation.session->data(ContextMacros(context));
    });
  });
}

sfsistat on_header(SMFICTX* context, char* name, char* value) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, true, [&](Conversation& conversation) {
      conversation.session->header(name == nullptr ? "" : name, value == nullptr ? "" : value);
    });
  });
}

sfsistat on_end(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, false, [&](Conversation& conversation) {
      const Edits edits = conversation.session->end_of_message(ContextMacros(context));
      (void)here.apply(context, conversation, edits);
    });
  });
}

sfsistat on_abort(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    if (Conversation* const conversation = conversation_of(context)) {
      conversation->tempfail = false;
      here.quietly([&] { conversation->session->abort(); });
    }
    return SMFIS_CONTINUE;
  });
}

sfsistat on_close(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    here.close(context);
    return SMFIS_CONTINUE;
  });
}

}  // extern "C"

// The path of a unix socket; empty for an address of another kind.
std::string unix_path(const std::string& socket) {
  for (const std::string_view prefix : {"local:", "unix:"})
    if (socket.starts_with(prefix)) return socket.substr(prefix.size());
  return socket.starts_with('/') ? socket : std::string();
}

// Whether somebody takes connections there; libmilter would remove the socket all the same.
bool answers(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::unexpected<Error> cannot(const std::string& what) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(errno));
}

Result<void> give_to(const std::string& path, const std::string& group, unsigned mode) {
  if (!group.empty()) {
    const auto* const found = ::getgrnam(group.c_str());
    if (found == nullptr)
      return fail(ErrorKind::usage, "milter.socket_group: there is no group " + group);
    if (::lchown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0) return cannot(path);
  }
  if (::chmod(path.c_str(), mode) != 0) return cannot(path);
  return {};
}

}  // namespace

Filter::Filter(Settings settings, Hooks hooks)
    : settings_(std::move(settings)),
      path_(unix_path(settings_.socket)),
      side_(std::make_unique<Side>(std::move(hooks))) {}

Filter::~Filter() {
  gate.close();
  if (side == side_.get()) side = nullptr;
}

const Filter::Counters& Filter::counters() const {
  return side_->counters;
}

Result<std::unique_ptr<Filter>> Filter::open(Settings settings, Hooks hooks) {
  std::unique_ptr<Filter> filter(new Filter(std::move(settings), std::move(hooks)));
  MXW_CHECK(side == nullptr);
  smfiDesc description{};
  description.xxfi_name = loose("mxwarden-milter");
  description.xxfi_version = SMFI_VERSION;
  description.xxfi_flags = kActions;
  description.xxfi_connect = on_connect;
  description.xxfi_helo = on_helo;
  description.xxfi_envfrom = on_mail;
  description.xxfi_envrcpt = on_rcpt;
  description.xxfi_header = on_header;
  description.xxfi_eom = on_end;
  description.xxfi_abort = on_abort;
  description.xxfi_close = on_close;
  description.xxfi_data = on_data;
  description.xxfi_negotiate = on_negotiate;
  if (smfi_register(description) != MI_SUCCESS)
    return fail(ErrorKind::environment, "libmilter takes no filter of its version");
  if (auto opened = filter->open_socket(); !opened)
    return std::unexpected(std::move(opened.error()));
  side = filter->side_.get();
  gate.open();
  return filter;
}

Result<void> Filter::open_socket() {
  (void)smfi_setbacklog(static_cast<int>(settings_.backlog));
  (void)smfi_settimeout(static_cast<int>(settings_.timeout / kSecond));
  if (smfi_setconn(loose(settings_.socket.c_str())) != MI_SUCCESS)
    return fail(ErrorKind::usage, "milter.socket: no address: " + settings_.socket);
  if (!path_.empty() && answers(path_))
    return fail(ErrorKind::environment, path_ + ": another process answers there");
  // Nobody connects before group and mode are as they shall be.
  const mode_t before = ::umask(0177);
  const int opened = smfi_opensocket(true);
  ::umask(before);
  if (opened != MI_SUCCESS)
    return fail(ErrorKind::environment,
                settings_.socket + ": the socket cannot be had (the system's log says why)");
  if (path_.empty()) return {};
  return give_to(path_, settings_.group, settings_.mode);
}

bool Filter::run() {
  const bool good = smfi_main() == MI_SUCCESS;
  gate.close();
  side_->end_all();
  return good;
}

void Filter::stop() {
  (void)smfi_stop();
  if (!path_.empty()) (void)answers(path_);  // wakes it
}

}  // namespace mxw::milter
