#include "policyd/control_rows.hpp"

#include <set>
#include <utility>

#include "core/feed/codec.hpp"
#include "core/ipc/control.hpp"
#include "core/rows/dane_rows.hpp"
#include "policyd/control.hpp"

namespace mxw::policyd {
namespace {

constexpr std::size_t kEvents = 20;
constexpr std::size_t kRoom = Control::kReplyBytes - 1'024;  // for what stands around the rows

class RowsAnswer {
 public:
  RowsAnswer() : json_(ipc::begin_answer(out_)) { json_.key("rows").begin_array(); }

  template <typename Row>
  void add(Row row) {
    if constexpr (requires { row.body; }) row.body.clear();
    line_.clear();
    feed::append_line(line_, row);
    line_.pop_back();  // LF
    if (out_.size() + line_.size() > kRoom)
      cut_ = true;
    else
      json_.raw(line_);
  }
  template <typename Row>
  void add(const store::Result<std::vector<Row>>& rows) {
    if (!note(rows)) return;
    for (const Row& row : *rows) add(row);
  }
  template <typename Row>
  void add(const store::Result<std::optional<Row>>& row) {
    if (note(row) && *row) add(**row);
  }
  template <typename T>
  bool note(const store::Result<T>& result) {
    if (!result && error_.empty()) error_ = result.error().message;
    return result.has_value();
  }

  [[nodiscard]] bool full() const { return cut_; }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

  [[nodiscard]] std::string finish(std::optional<rows::Sequence> next = {}) {
    if (!error_.empty()) return ipc::refusal(error_);
    json_.end_array();
    if (next) json_.member("next", *next);
    if (cut_) json_.member("cut", true);
    json_.end_object();
    return std::move(out_);
  }

 private:
  std::string out_, line_, error_;
  JsonWriter json_;
  bool cut_ = false;
};

// The policies of one domain row's page entry: what is known now, or was known then.
store::Result<std::optional<rows::PolicyRow>> policy_of(store::PolicyStore& store,
                                                        const std::string& domain,
                                                        const ListRequest& request) {
  const rows::Key key{.tenant = 0, .name = domain};
  return request.history ? store.policy_at(key, request.at) : store.current_policy(key);
}

}  // namespace

std::string show(store::PolicyStore& store, const std::string& domain) {
  const rows::Key key{.tenant = 0, .name = domain};
  RowsAnswer answer;
  answer.add(store.domain(key));
  answer.add(store.current_policy(key));
  answer.add(store.tlsrpt(key));
  answer.add(store.reread(key));
  answer.add(store.events(key, kEvents));
  const auto routes = store.routes(key);
  answer.add(routes);
  std::set<std::string> hosts;
  if (routes)
    for (const rows::RouteRow& route : *routes) hosts.insert(route.mx_host);
  for (const std::string& host : hosts)
    answer.add(store.tlsa({.tenant = 0, .name = rows::tlsa_base(host)}));
  return answer.finish();
}

std::string history(store::PolicyStore& store, const std::string& domain) {
  RowsAnswer answer;
  answer.add(store.policy_history({.tenant = 0, .name = domain}));
  return answer.finish();
}

std::string list_page(store::PolicyStore& store, const ListRequest& request) {
  RowsAnswer answer;
  rows::Sequence after = request.after;
  // A domain comes whole or with the next page: half of the room is kept for its routes.
  for (std::size_t pages = 0; pages < Control::kListPages && answer.size() < kRoom / 2; ++pages) {
    const auto page = store.current(after, Control::kListRows);
    if (!answer.note(page) || page->empty()) return answer.finish();
    for (const rows::Change& change : *page) {
      if (answer.size() >= kRoom / 2) return answer.finish(after);
      after = sequence_of(change);
      const auto* const row = std::get_if<rows::DomainRow>(&change);
      if (row == nullptr) continue;
      const auto policy = policy_of(store, row->name, request);
      if (!answer.note(policy)) return answer.finish();
      if (!*policy) continue;
      answer.add(**policy);
      answer.add(store.routes({.tenant = 0, .name = row->name}));
    }
  }
  return answer.finish(after);
}

}  // namespace mxw::policyd
