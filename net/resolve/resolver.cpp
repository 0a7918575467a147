#include "net/resolve/resolver.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "net/resolve/query.hpp"

namespace mxw::resolve {
namespace {

// Which of two failures says more about the domain.
int weight(Outcome outcome) {
  switch (outcome) {
    case Outcome::servfail:
      return 4;
    case Outcome::malformed:
      return 3;
    case Outcome::refused:
      return 2;
    case Outcome::timeout:
      return 1;
    default:
      return 0;
  }
}

constexpr std::uint16_t kFormErr = 1;

}  // namespace

struct Resolver::Question {
  explicit Question(Key asked) : key(std::move(asked)) {}

  Key key;
  std::vector<Callback> callers;
  std::vector<std::size_t> plan;  // servers in the order of asking; grows for those that are silent
  std::size_t next = 0;           // in plan
  std::size_t server = 0;         // asked now
  std::uint16_t id = 0;
  QueryOptions options;
  bool only_validating = false;
  std::vector<unsigned> tried;  // by server
  Answer worst;                 // the failure that says most
  std::size_t worst_server = 0;
  bool failed_before = false;  // `worst` is set
};

Resolver::Resolver(EventLoop& loop, Config config)
    : loop_(loop),
      config_(std::move(config)),
      avoid_until_(config_.servers.size(), 0),
      drain_(loop, [this] { drain(); }),
      alive_(std::make_shared<bool>(true)) {}

Result<std::unique_ptr<Resolver>> Resolver::create(EventLoop& loop, Config config) {
  if (config.servers.empty() || config.servers.size() > kServers) {
    return fail(ErrorKind::usage, "1 to " + std::to_string(kServers) + " DNS servers are needed");
  }
  for (const Server& server : config.servers) {
    if (server.endpoint.address.family == 0 || server.endpoint.port == 0) {
      return fail(ErrorKind::usage, "a DNS server needs an address and a port");
    }
  }
  std::unique_ptr<Resolver> resolver(new Resolver(loop, std::move(config)));
  if (auto opened = resolver->open(); !opened) return std::unexpected(std::move(opened.error()));
  return resolver;
}

Result<void> Resolver::open() {
  for (const Server& server : config_.servers) {
    // c-ares must not be called from its own callback: what it tells is kept for drain().
    auto upstream =
        Upstream::create(loop_, server.endpoint, config_.timeout_ns,
                         [this](std::uint64_t token, Transport transport, Bytes octets) {
                           finished_.push_back({token, transport, {octets.begin(), octets.end()}});
                           drain_.start(0);
                         });
    if (!upstream) return std::unexpected(std::move(upstream.error()));
    upstreams_.push_back(std::move(*upstream));
  }
  return {};
}

Resolver::~Resolver() {
  *alive_ = false;
}

void Resolver::query(std::string_view name, dns::Type type, Callback callback, Bogus bogus) {
  ++counters_.asked;
  ++callers_;
  std::optional<mail::DnsName> parsed = mail::DnsName::parse(name);
  if (!parsed) return reject(std::move(callback), Outcome::malformed, "no DNS name");
  if (callers_ > kWaiting) {
    ++counters_.dropped;
    return reject(std::move(callback), Outcome::network, "too many questions wait");
  }
  Key key{std::move(*parsed), type, bogus};
  const auto [place, fresh] = open_.try_emplace(key, last_token_ + 1);
  if (!fresh) {
    ++counters_.merged;
    questions_.at(place->second).callers.push_back(std::move(callback));
    return;
  }
  const std::uint64_t token = ++last_token_;
  Question& question = questions_.try_emplace(token, std::move(key)).first->second;
  question.callers.push_back(std::move(callback));
  if (in_flight_ < kInFlight) {
    begin(token);
  } else {
    waiting_.push_back(token);
  }
}

void Resolver::reject(Callback callback, Outcome outcome, std::string reason) {
  Answer answer;
  answer.outcome = outcome;
  answer.reason = std::move(reason);
  deliveries_.push_back({std::move(callback), std::make_shared<const Answer>(std::move(answer))});
  drain_.start(0);
}

void Resolver::begin(std::uint64_t token) {
  ++in_flight_;
  Question& question = questions_.at(token);
  question.plan = order();
  question.tried.assign(config_.servers.size(), 0);
  (void)send_next(token, question);
}

std::vector<std::size_t> Resolver::order() {
  const std::size_t count = config_.servers.size();
  std::vector<std::size_t> servers(count);
  std::iota(servers.begin(), servers.end(), 0);
  std::rotate(servers.begin(), servers.begin() + static_cast<std::ptrdiff_t>(rotation_++ % count),
              servers.end());
  const std::int64_t now = EventLoop::now();
  std::stable_sort(servers.begin(), servers.end(), [this, now](std::size_t a, std::size_t b) {
    const auto rank = [this, now](std::size_t server) {
      return std::pair(!config_.servers[server].validating, avoid_until_[server] > now);
    };
    return rank(a) < rank(b);
  });
  return servers;
}

// False when nobody is left to ask.
bool Resolver::send_next(std::uint64_t token, Question& question) {
  while (question.next < question.plan.size()) {
    question.server = question.plan[question.next++];
    if (question.only_validating && !config_.servers[question.server].validating) continue;
    ++question.tried[question.server];
    send(token, question);
    return true;
  }
  return false;
}

void Resolver::send(std::uint64_t token, Question& question) {
  ++counters_.attempts;
  question.id = random_id();
  const std::vector<std::uint8_t> octets =
      build_query(question.id, question.key.name, question.key.type, question.options);
  upstreams_[question.server]->ask(token, octets);
}

void Resolver::drain() {
  const std::shared_ptr<bool> alive = alive_;
  std::vector<Finished> finished;
  finished.swap(finished_);
  for (const Finished& one : finished) on_finished(one);
  while (!deliveries_.empty()) {
    const Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    --callers_;
    delivery.callback(*delivery.answer);
    if (!*alive) return;
  }
}

void Resolver::on_finished(const Finished& finished) {
  Question& question = questions_.at(finished.token);
  judge(finished.token, question, read(question, finished));
}

Answer Resolver::read(const Question& question, const Finished& finished) const {
  const bool validating = config_.servers[question.server].validating;
  if (finished.transport == Transport::answered) {
    return read_answer(finished.octets, question.id, question.key.name, question.key.type,
                       validating);
  }
  Answer answer;
  answer.canonical = question.key.name.text();
  answer.validating = validating;
  const bool silent = finished.transport == Transport::timeout;
  answer.outcome = silent ? Outcome::timeout : Outcome::network;
  answer.reason = silent ? "no answer" : "the server cannot be reached";
  return answer;
}

void Resolver::judge(std::uint64_t token, Question& question, Answer answer) {
  // RFC 6891 section 7: a server older than EDNS.
  if (answer.outcome == Outcome::refused && answer.rcode == kFormErr && question.options.edns) {
    question.options.edns = false;
    return send(token, question);
  }
  if (question.options.checking_disabled) {
    if (is_definite(answer.outcome)) {
      question.worst.outcome = Outcome::bogus;
      question.worst.reason = "SERVFAIL, but an answer without validation";
    }
    return complete(token, std::move(question.worst));
  }
  question.options.edns = true;
  const bool unreachable = answer.outcome == Outcome::timeout || answer.outcome == Outcome::network;
  avoid_until_[question.server] = unreachable ? EventLoop::now() + kAvoid : 0;
  if (is_definite(answer.outcome)) return complete(token, std::move(answer));
  if (answer.outcome == Outcome::timeout && question.tried[question.server] < config_.tries) {
    question.plan.push_back(question.server);
  }
  if (answer.outcome == Outcome::servfail && answer.validating) question.only_validating = true;
  if (!question.failed_before || weight(answer.outcome) > weight(question.worst.outcome)) {
    question.worst = std::move(answer);
    question.worst_server = question.server;
    question.failed_before = true;
  }
  try_further(token, question);
}

void Resolver::try_further(std::uint64_t token, Question& question) {
  if (send_next(token, question)) return;
  if (question.worst.outcome == Outcome::servfail && question.key.bogus == Bogus::detect) {
    question.options.checking_disabled = true;
    question.server = question.worst_server;
    return send(token, question);
  }
  complete(token, std::move(question.worst));
}

void Resolver::complete(std::uint64_t token, Answer answer) {
  const auto node = questions_.extract(token);
  Question& question = node.mapped();
  open_.erase(question.key);
  const auto shared = std::make_shared<const Answer>(std::move(answer));
  for (Callback& callback : question.callers) deliveries_.push_back({std::move(callback), shared});
  --in_flight_;
  if (waiting_.empty()) return;
  const std::uint64_t next = waiting_.front();
  waiting_.pop_front();
  begin(next);
}

}  // namespace mxw::resolve
