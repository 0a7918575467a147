#include "reportd/program.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/ipc/address.hpp"
#include "core/ipc/listener.hpp"
#include "core/service/key_file.hpp"
#include "core/service/log.hpp"
#include "core/store/store_file.hpp"
#include "reportd/settings.hpp"

namespace mxw::reportd {
namespace {

constexpr mode_t kAnybody = 0666;  // who connects is asked of the kernel, each time

Time wall_clock() {
  return {std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()};
}

ipc::PeerCheck peers(const std::vector<std::string>& users,
                     const std::vector<std::string>& groups = {}) {
  std::vector<std::string> notes;
  auto check = ipc::PeerCheck::from_names(users, groups, notes);
  for (const std::string& note : notes) service::log_info(note);
  return check;
}

Result<void> listen(const std::string& path, ipc::SocketType type, Fd& fd) {
  ipc::ListenOptions options;
  options.type = type;
  options.mode = kAnybody;
  auto made = ipc::listen_on("unix:" + path, options);
  if (!made) return std::unexpected(std::move(made.error()));
  fd = std::move(*made);
  return {};
}

// One process a folder: two would take each other's rows.
Result<Fd> lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(ErrorKind::environment, path + ": " + std::strerror(errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorKind::environment, folder + ": another mxwarden-reportd uses this store");
  return fd;
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

// A damaged store is put aside: what is counted now is worth more than what cannot be read.
Result<void> Program::open_store() {
  auto locked = lock(state_folder_);
  if (!locked) return std::unexpected(std::move(locked.error()));
  lock_ = std::move(*locked);
  const std::string path = state_folder_ + "/report.db";
  auto opened = store::ReportStore::open(path);
  if (!opened && (opened.error().fault == store::Fault::corrupt ||
                  opened.error().fault == store::Fault::foreign)) {
    service::log_error(opened.error().message);
    const auto aside = store::quarantine(path, wall_clock());
    if (!aside) return std::unexpected(aside.error());
    service::log_error("the damaged store was put aside as " + *aside);
    opened = store::ReportStore::open(path);
  }
  if (!opened) return std::unexpected(std::move(opened.error()));
  store_ = std::move(*opened);
  intake_store_ = std::make_unique<store::IntakeStore>(store_->database());
  return {};
}

Result<void> Program::start_collecting(service::Context& context) {
  const config::Config& config = context.config;
  failures_ = std::make_unique<PolicyFailures>();
  TallyWriter::Options options;
  options.path = store_->database().path();
  auto writer = TallyWriter::start(std::move(options), failures_.get());
  if (!writer) return std::unexpected(std::move(writer.error()));
  writer_ = std::move(*writer);

  CollectorSettings settings;
  settings.sources = sources_of(config.tlsrpt);
  settings.socket_mode = kAnybody;
  settings.peers = peers(config.reportd.datagram_users);
  auto collector = CollectorThread::start(settings, *writer_, wall_clock);
  if (!collector) return std::unexpected(std::move(collector.error()));
  collector_ = std::move(*collector);
  for (const std::string& note : collector_->notes()) service::log_warning(note);
  if (settings.sources.empty())
    service::log_info("no [[tlsrpt.source]] is set: no sessions are counted");

  if (auto made = listen(context.run_folder + "/feed.sock", ipc::SocketType::seqpacket, feed_fd_);
      !made)
    return made;
  SensorFeed::Settings feed;
  feed.sources = settings.sources;
  feed.peers = peers(config.reportd.feed_users);
  feed.denied = [this](std::string_view domain) { return days_ && days_->denied(domain); };
  auto sensors =
      SensorFeed::create(context.loop, feed_fd_.get(), std::move(feed), *store_, *writer_);
  if (!sensors) return std::unexpected(std::move(sensors.error()));
  sensors_ = std::move(*sensors);
  return {};
}

Result<void> Program::start_asking(service::Context& context) {
  const std::string folder = context.config.paths.run + "/policyd";
  auto lookups = feed::LookupClient::create(context.loop, folder + "/ask.sock");
  if (!lookups) return std::unexpected(std::move(lookups.error()));
  lookups_ = std::move(*lookups);
  failure_feed_ = std::make_unique<FailureFeed>(*failures_);
  auto reader = feed::FeedReader::create(context.loop, folder + "/feed.sock", *failure_feed_, 0);
  if (!reader) return std::unexpected(std::move(reader.error()));
  policyd_ = std::move(*reader);
  return {};
}

Result<void> Program::start_building(service::Context& context) {
  days_ = std::make_unique<DayRun>(
      *store_, *lookups_, day_settings(context.config.tlsrpt),
      [this, &loop = context.loop](store::Day day, std::function<void()> frozen) {
        sensors_->flush();
        writer_->freeze(day, wall_clock(), [this, &loop, frozen = std::move(frozen)](bool) {
          loop.post([this, frozen] {
            frozen();
            slice_->start(0);
          });
        });
      });
  slice_ = std::make_unique<Timer>(context.loop, [this] { go_on_building(); });
  return {};
}

Result<void> Program::start_delivery(service::Context& context) {
  const config::Tlsrpt& tlsrpt = context.config.tlsrpt;
  send_ = tlsrpt.send.enabled;
  auto key = service::key_file(state_folder_ + "/return-path.key");
  if (!key) return std::unexpected(std::move(key.error()));
  const std::string domain = report::domain_of(tlsrpt.contact);
  return_path_ = std::make_unique<ReturnPath>(
      ReturnPathConfig{.prefix = tlsrpt.send.sender, .domain = domain, .key = std::move(*key)});
  suppression_ = std::make_unique<Suppression>(*store_, *return_path_, "bounce");
  auto signers = send_ ? load_signers(tlsrpt.send) : std::vector<Signer>();
  if (!signers) return std::unexpected(std::move(signers.error()));
  mail_ = std::make_unique<ReportMail>(build_settings(tlsrpt), std::move(*signers));
  const auto server = ipc::parse_address(tlsrpt.send.smtp);
  if (!server) return std::unexpected(server.error());
  smtp_ = std::make_unique<SmtpClient>(
      context.loop, SmtpConfig{.server = *server, .hello = domain.empty() ? "localhost" : domain});
  https::PostConfig post;
  post.ca_file = tlsrpt.send.https_ca_file;
  post.allow = tlsrpt.send.https_allow;
  post.insecure = tlsrpt.send.https_insecure;
  auto poster = https::Poster::create(context.loop, std::move(post));
  if (!poster) return std::unexpected(std::move(poster.error()));
  poster_ = std::move(*poster);
  https_ = std::make_unique<HttpsPost>(
      *poster_, [this](const std::string& host, std::function<void(const Addresses&)> found) {
        lookups_->lookup(feed::LookupKind::address, host,
                         [found = std::move(found)](const feed::LookupAnswer& answer) {
                           found({.known = answer.state != feed::LookupState::failed &&
                                           answer.state != feed::LookupState::unavailable,
                                  .addresses = answer.addresses});
                         });
      });
  ledger_ = std::make_unique<StoreLedger>(*store_);
  delivery_ = std::make_unique<Delivery>(*ledger_, delivery_settings(tlsrpt.send), *return_path_,
                                         *mail_, *smtp_, *https_, wall_clock);
  for (const Signer& signer : mail_->signers())
    delivery_->hold("dkim " + signer.selector, "the key is being looked up");
  keys_ = std::make_unique<KeyCheck>(mail_->signers(), domain, *lookups_,
                                     [this](const std::string& selector, const std::string& why) {
                                       delivery_->hold("dkim " + selector, why);
                                       if (!why.empty())
                                         service::log_rarely(config::LogLevel::warning, "dkim",
                                                             "reports wait: " + why);
                                     });
  if (auto resumed = delivery_->resume(); !resumed) return std::unexpected(resumed.error());
  return {};
}

Result<void> Program::start_lmtp(service::Context& context) {
  const config::Reportd& settings = context.config.reportd;
  if (settings.lmtp.empty()) return {};
  if (auto made = listen(settings.lmtp, ipc::SocketType::stream, lmtp_fd_); !made) {
    // Reports are built and sent without it.
    service::log_warning("no bounces and no reports of others are taken: " + made.error().message);
    return {};
  }
  LmtpHandler handler;
  handler.known = [](const std::string&) { return true; };
  handler.take = [this](const LmtpMail& mail) { return take(mail); };
  const std::string domain = report::domain_of(context.config.tlsrpt.contact);
  auto server = LmtpServer::create(context.loop, lmtp_fd_.get(), peers(settings.lmtp_users),
                                   domain.empty() ? "localhost" : domain, std::move(handler));
  if (!server) return std::unexpected(std::move(server.error()));
  lmtp_ = std::move(*server);
  return {};
}

// A bounce of ours, or a report; whoever else writes here is told that nobody reads it.
std::vector<LmtpVerdict> Program::take(const LmtpMail& mail) {
  std::vector<LmtpVerdict> verdicts;
  std::optional<LmtpVerdict> as_report;
  for (const std::string& recipient : mail.recipients) {
    if (suppression_->is_return_path(recipient)) {
      const auto taken = suppression_->take(recipient, mail.message, wall_clock());
      verdicts.push_back(taken == Suppression::Taken::store_error ? LmtpVerdict::try_again
                                                                  : LmtpVerdict::taken);
      continue;
    }
    if (!as_report) {
      switch (intake_->take_mail(mail.message, wall_clock())) {
        case Taken::not_stored:
          as_report = LmtpVerdict::try_again;
          break;
        case Taken::no_report:
          ++ignored_mails_;
          as_report = mail.sender.empty() ? LmtpVerdict::taken : LmtpVerdict::refused;
          break;
        default:
          as_report = LmtpVerdict::taken;
      }
    }
    verdicts.push_back(*as_report);
  }
  return verdicts;
}

Result<void> Program::start_control(service::Context& context) {
  if (auto made =
          listen(context.run_folder + "/control.sock", ipc::SocketType::seqpacket, control_fd_);
      !made)
    return made;
  control_ =
      std::make_unique<Control>(Control::Parts{.store = *store_,
                                               .intake_store = *intake_store_,
                                               .days = *days_,
                                               .intake = *intake_,
                                               .status = [this](JsonWriter& json) { status(json); },
                                               .clock = wall_clock,
                                               .send = send_,
                                               .tenant = 0});
  return control_->listen(context.loop, control_fd_.get(),
                          peers({}, {context.config.policyd.operator_group}));
}

Result<void> Program::start(service::Context& context) {
  state_folder_ = context.state_folder;
  if (auto opened = open_store(); !opened) return opened;
  for (const auto step : {&Program::start_collecting, &Program::start_asking,
                          &Program::start_building, &Program::start_delivery})
    if (auto started = (this->*step)(context); !started) return started;
  intake_ = std::make_unique<Intake>(*intake_store_, *lookups_, context.config.intake);
  for (const auto step : {&Program::start_lmtp, &Program::start_control})
    if (auto started = (this->*step)(context); !started) return started;
  if (!days_->why_not().empty()) service::log_warning("no reports are built: " + days_->why_not());
  add_metrics(context.metrics);
  add_intake_metrics(context.metrics);
  second_ = std::make_unique<Timer>(context.loop, [this] { on_second(); });
  minute_ = std::make_unique<Timer>(context.loop, [this] { on_minute(); });
  hour_ = std::make_unique<Timer>(context.loop, [this] { on_hour(); });
  second_->start(0);
  minute_->start(0);
  hour_->start(0);
  return {};
}

void Program::on_second() {
  second_->start(kSecond);
  if (auto counts = failures_->due(wall_clock()); !counts.empty()) sensors_->add(std::move(counts));
  go_on_building();
  check_keys();
  delivery_->run();
}

// While sending waits for its keys they are looked at again soon: policyd may just have come back.
void Program::check_keys() {
  constexpr unsigned kEvery = 10;
  if (!send_ || delivery_->waits_because().empty() || until_key_check_-- > 0) return;
  until_key_check_ = kEvery;
  keys_->run(wall_clock());
}

void Program::go_on_building() {
  if (days_->work(wall_clock())) slice_->start(0);
}

void Program::on_minute() {
  minute_->start(kMinute);
  failure_feed_->tick(wall_clock());
  days_->tick(wall_clock());
  if (prune_due_) prune();
}

void Program::on_hour() {
  hour_->start(kHour);
  const Time now = wall_clock();
  if (send_) keys_->run(now);
  prune_due_ = true;
}

// A bounded number of rows at a time; a day of millions takes some minutes.
void Program::prune() {
  const Time now = wall_clock();
  const auto pruned = store_->prune({}, now);
  const auto denials = store::ReportBook(store_->database()).prune(now);
  const auto reports = intake_store_->prune({}, now);
  prune_due_ = pruned && pruned->more;
  if (!pruned || !denials || !reports)
    service::log_rarely(config::LogLevel::warning, "prune", "old rows could not be deleted");
}

void Program::reload(const config::Config& config) {
  intake_->set(config.intake);
}

// What others hold of each other ends in the order of that.
void Program::stop() {
  second_.reset();
  minute_.reset();
  hour_.reset();
  control_.reset();
  lmtp_.reset();
  delivery_.reset();
  https_.reset();
  poster_.reset();
  smtp_.reset();
  policyd_.reset();
  lookups_.reset();
  collector_.reset();
  sensors_.reset();
  writer_.reset();
  slice_.reset();
}

}  // namespace mxw::reportd
