#include "milter/filter.hpp"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/event_loop.hpp"
#include "milter/gate.hpp"
#include "milter/macros.hpp"
#include "milter/unix_socket.hpp"

namespace mxw::milter {
namespace {

constexpr unsigned long kActions =
    SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
// Where a session never answers anything but "go on" the MTA need not wait. It waits at connect:
// Postfix keeps what is not answered until something is, and a session begins, with its time and
// its settings, when the client's does.
constexpr unsigned long kQuiet =
    SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_NR_EOH;
// The end of the headers is asked for although nobody needs it: without it libmilter does not
// answer the end of a message that has no header (its states allow no step from DATA to there).
constexpr unsigned long kSteps = SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | kQuiet;

// libmilter gives a connection up at a longer packet, and its own bound is 65,535 octets. Postfix
// sends a header in one packet (header_size_limit, 102,400 octets unless somebody raised it).
constexpr std::size_t kPacketBytes = 1 << 20;

constexpr char kHeader[] = "Authentication-Results";

// Asked of the MTA, so that nobody has to edit its lists. Sendmail 8.17 takes a list for the end of
// message only beside one for the end of the header.
constexpr std::pair<int, const char*> kMacros[] = {
    {SMFIM_CONNECT, kConnectMacros}, {SMFIM_HELO, kHeloMacros}, {SMFIM_ENVFROM, kMailMacros},
    {SMFIM_ENVRCPT, kRcptMacros},    {SMFIM_DATA, kDataMacros}, {SMFIM_EOM, kEndOfMessageMacros},
    {SMFIM_EOH, kEndOfMessageMacros}};

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
enum Negotiated : std::uintptr_t {
  kNegotiated = 1,
  kLeadingSpace = 2,
  kQuietSteps = 4,
  kNoHeaders = 8,  // they do not come, or cannot be changed
};

std::uintptr_t number_of(void* data) {
  return reinterpret_cast<std::uintptr_t>(data);
}

}  // namespace

struct Conversation {
  std::unique_ptr<Session> session;
  std::uintptr_t negotiated = 0;
};

class Filter::Side {
 public:
  explicit Side(Hooks hooks) : hooks_(std::move(hooks)) {}

  void negotiate(SMFICTX* context, unsigned long actions, unsigned long steps,
                 unsigned long& wanted_actions, unsigned long& wanted_steps);
  void connect(SMFICTX* context);
  void close(SMFICTX* context);
  void end_all();

  // Runs `call` on the conversation. A stage is quiet where its answer is always to go on.
  enum class Stage : std::uint8_t { connect, quiet, rcpt, end };
  template <typename Call>
  sfsistat on(SMFICTX* context, Stage stage, Call call) noexcept;
  sfsistat answer(SMFICTX* context, const Reply& reply);
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
  if ((wanted_steps & SMFIP_NOHDRS) != 0 || (actions & SMFIF_CHGHDRS) == 0)
    negotiated |= kNoHeaders;
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

sfsistat Filter::Side::answer(SMFICTX* context, const Reply& reply) {
  if (reply.kind == Reply::Kind::go_on) return SMFIS_CONTINUE;
  if (smfi_setreply(context, loose(reply.code.c_str()), loose(reply.enhanced.c_str()),
                    loose(reply.text.c_str())) != MI_SUCCESS)
    ++counters.refused_replies;  // the MTA then gives its own words
  return SMFIS_TEMPFAIL;
}

// Exceptions end here: libmilter is C.
template <typename Call>
sfsistat Filter::Side::on(SMFICTX* context, Stage stage, Call call) noexcept {
  Conversation* const conversation = conversation_of(context);
  const std::uintptr_t negotiated =
      conversation == nullptr ? number_of(smfi_getpriv(context)) : conversation->negotiated;
  const bool quiet = stage == Stage::quiet && (negotiated & kQuietSteps) != 0;
  const sfsistat go_on = quiet ? SMFIS_NOREPLY : SMFIS_CONTINUE;
  const bool judged = stage == Stage::rcpt || stage == Stage::end;
  const auto failed = [&] { return judged && hooks_.tempfail_on_error() ? SMFIS_TEMPFAIL : go_on; };
  if (conversation == nullptr) return failed();  // its connect failed
  try {
    if constexpr (std::is_same_v<std::invoke_result_t<Call, Conversation&>, sfsistat>) {
      const std::int64_t begin = EventLoop::now();
      const sfsistat result = call(*conversation);
      hooks_.took(stage == Stage::rcpt ? Waited::rcpt : Waited::end_of_message,
                  EventLoop::now() - begin);
      return result;
    } else {
      call(*conversation);
      return go_on;
    }
  } catch (...) {
    ++counters.exceptions;
    return failed();
  }
}

sfsistat Filter::Side::apply(SMFICTX* context, const Conversation& conversation,
                             const Edits& edits) {
  const auto done = [this](int result) {
    if (result != MI_SUCCESS) ++counters.refused_edits;
  };
  for (const Edits::Change& change : edits.changed)
    done(smfi_chgheader(context, loose(kHeader), static_cast<int>(change.index),
                        change.value.empty() ? nullptr : loose(change.value.c_str())));
  if (edits.authentication_results) {
    const bool space = (conversation.negotiated & kLeadingSpace) != 0;
    const std::string value = (space ? " " : "") + *edits.authentication_results;
    done(smfi_insheader(context, 0, loose(kHeader), loose(value.c_str())));
  }
  if (edits.quarantine) done(smfi_quarantine(context, loose(edits.quarantine->c_str())));
  return answer(context, edits.reply);
}

namespace {

using Stage = Filter::Side::Stage;

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
    here.quietly([&] { here.connect(context); });
    return here.on(context, Stage::connect, [&](Conversation& conversation) {
      (void)conversation.session->connect(
          {.host = host == nullptr ? std::string() : std::string(host),
           .client = endpoint_of(address),
           .headers = (conversation.negotiated & kNoHeaders) == 0},
          ContextMacros(context));
    });
  });
}

sfsistat on_helo(SMFICTX* context, char* name) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::quiet, [&](Conversation& conversation) {
      (void)conversation.session->helo(name == nullptr ? "" : name, ContextMacros(context));
    });
  });
}

sfsistat on_mail(SMFICTX* context, char** argv) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::quiet, [&](Conversation& conversation) {
      (void)conversation.session->mail(arguments_of(argv), ContextMacros(context));
    });
  });
}

sfsistat on_rcpt(SMFICTX* context, char** argv) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::rcpt, [&](Conversation& conversation) {
      return here.answer(context,
                         conversation.session->rcpt(arguments_of(argv), ContextMacros(context)));
    });
  });
}

sfsistat on_data(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::quiet, [&](Conversation& conversation) {
      (void)conversation.session->data(ContextMacros(context));
    });
  });
}

sfsistat on_header(SMFICTX* context, char* name, char* value) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::quiet, [&](Conversation& conversation) {
      conversation.session->header(name == nullptr ? "" : name, value == nullptr ? "" : value);
    });
  });
}

sfsistat on_end_of_headers(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::quiet, [](Conversation&) {});
  });
}

sfsistat on_end(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    return here.on(context, Stage::end, [&](Conversation& conversation) {
      return here.apply(context, conversation,
                        conversation.session->end_of_message(ContextMacros(context)));
    });
  });
}

sfsistat on_abort(SMFICTX* context) {
  return enter([&](Filter::Side& here) noexcept {
    if (Conversation* const conversation = conversation_of(context))
      here.quietly([&] { conversation->session->abort(); });
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

}  // namespace

Filter::Filter(Settings settings, Hooks hooks)
    : settings_(std::move(settings)),
      path_(unix_path(settings_.socket)),
      side_(std::make_unique<Side>(std::move(hooks))) {}

Filter::~Filter() {
  if (side != side_.get()) return;
  // Who is still inside, after all the time he had, keeps it.
  if (!gate.close(drained_ ? settings_.drain : 0)) (void)side_.release();
  side = nullptr;
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
  description.xxfi_eoh = on_end_of_headers;
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
  (void)smfi_setmaxdatasize(kPacketBytes);
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
  return set_access(path_, settings_.group, settings_.mode);
}

bool Filter::run() {
  const bool good = smfi_main() == MI_SUCCESS;
  drained_ = gate.close(settings_.drain);
  if (drained_) side_->end_all();
  return good;
}

void Filter::stop() {
  (void)smfi_stop();
  if (!path_.empty()) (void)answers(path_);  // wakes it
}

}  // namespace mxw::milter
