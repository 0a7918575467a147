// Counters, gauges and histograms of one program, and their text (Prometheus exposition format
// 0.0.4).
//
// Handles are made at start, with all their labels: there is no label a stranger can choose (no
// domain, no address), so the number of series is what the program's source says. add(), set() and
// observe() may be called from any thread: relaxed atomics, no lock, no allocation. A reader may
// see a histogram between two of its numbers; its own count is made from the buckets it read.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mxw::service {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_ = 0;
};

// Durations in nanoseconds, shown in seconds. At most kBuckets bounds, rising.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 16;

  explicit Histogram(std::initializer_list<std::int64_t> bounds_ns);
  void observe(std::int64_t ns);

 private:
  friend class Metrics;
  std::size_t size_ = 0;
  std::int64_t bounds_[kBuckets] = {};
  std::atomic<std::uint64_t> counts_[kBuckets + 1] = {};
  std::atomic<std::int64_t> sum_ = 0;
};

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Owns the handles; they live as long as it does and never move. Series may be added from one
// thread at a time, also while another makes the text.
class Metrics {
 public:
  // Every series gets `program="..."`, so that several programs' answers can be joined.
  explicit Metrics(std::string_view program);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Names as Prometheus has them (`mxwarden_map_answers_total`). The same name with other labels is
  // another series of one family and has the same help. REQUIRES: names and labels are well formed,
  // a series is made once, a family has one type.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help,
                       std::initializer_list<std::int64_t> bounds_ns, Labels labels = {});

  // A number read when the text is made, in the thread that makes it: `read` must be safe there.
  void counter_of(std::string_view name, std::string_view help, std::function<std::uint64_t()> read,
                  Labels labels = {});
  void gauge_of(std::string_view name, std::string_view help, std::function<std::int64_t()> read,
                Labels labels = {});

  [[nodiscard]] std::string text() const;  // any thread

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace mxw::service
