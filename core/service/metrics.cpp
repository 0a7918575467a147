#include "core/service/metrics.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <mutex>
#include <sstream>

#include "core/base/ascii.hpp"
#include "core/base/check.hpp"
#include "core/base/time.hpp"

namespace mxw::service {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

bool name_holds(std::string_view name) {
  return !name.empty() && !ascii::is_digit(name.front()) &&
         std::ranges::all_of(name, [](char c) { return ascii::is_alnum(c) || c == '_'; });
}

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kSecond);
}

}  // namespace

Histogram::Histogram(std::initializer_list<std::int64_t> bounds_ns) : size_(bounds_ns.size()) {
  MXW_CHECK(size_ <= kBuckets && std::ranges::is_sorted(bounds_ns, std::ranges::less_equal{}));
  std::ranges::copy(bounds_ns, bounds_);
}

void Histogram::observe(std::int64_t ns) {
  std::size_t bucket = 0;
  while (bucket < size_ && ns > bounds_[bucket]) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(ns, std::memory_order_relaxed);
}

// A series: its labels, and a function that puts its value now into a ClientMetric.
struct Metrics::Families {
  struct Series {
    std::vector<ClientMetric::Label> labels;
    std::function<void(ClientMetric&)> read;
  };
  struct Family {
    std::string name, help;
    MetricType type = MetricType::Untyped;
    std::vector<Series> series;
  };

  std::string program;
  mutable std::mutex mutex;  // the list below; values are atomics
  std::deque<Family> all;
  std::deque<Counter> counters;
  std::deque<Gauge> gauges;
  std::deque<Histogram> histograms;

  // REQUIRES: the mutex is held.
  void add(std::string_view name, std::string_view help, MetricType type, Labels labels,
           std::function<void(ClientMetric&)> read) {
    MXW_CHECK(name_holds(name));
    Series series{{{"program", program}}, std::move(read)};
    for (const auto& [label, value] : labels) {
      MXW_CHECK(name_holds(label) && label != "program" && label != "le");
      series.labels.push_back({std::string(label), std::string(value)});
    }
    auto family = std::ranges::find(all, name, &Family::name);
    if (family == all.end()) {
      all.push_back({std::string(name), std::string(help), type, {}});
      family = all.end() - 1;
    }
    MXW_CHECK(family->type == type);
    MXW_CHECK(std::ranges::find(family->series, series.labels, &Series::labels) ==
              family->series.end());
    family->series.push_back(std::move(series));
  }

  static void read_histogram(const Histogram& from, ClientMetric& to) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= from.size_; ++i) {
      count += from.counts_[i].load(std::memory_order_relaxed);
      const double bound =
          i < from.size_ ? seconds(from.bounds_[i]) : std::numeric_limits<double>::infinity();
      to.histogram.bucket.push_back({count, bound});
    }
    to.histogram.sample_count = count;
    to.histogram.sample_sum = seconds(from.sum_.load(std::memory_order_relaxed));
  }
};

Metrics::Metrics(std::string_view program) : families_(std::make_unique<Families>()) {
  families_->program = program;
}

Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(families_->mutex);
  Counter& made = families_->counters.emplace_back();
  families_->add(name, help, MetricType::Counter, labels, [&made](ClientMetric& to) {
    to.counter.value = static_cast<double>(made.value());
  });
  return made;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(families_->mutex);
  Gauge& made = families_->gauges.emplace_back();
  families_->add(name, help, MetricType::Gauge, labels,
                 [&made](ClientMetric& to) { to.gauge.value = static_cast<double>(made.value()); });
  return made;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              std::initializer_list<std::int64_t> bounds_ns, Labels labels) {
  const std::lock_guard lock(families_->mutex);
  Histogram& made = families_->histograms.emplace_back(bounds_ns);
  families_->add(name, help, MetricType::Histogram, labels,
                 [&made](ClientMetric& to) { Families::read_histogram(made, to); });
  return made;
}

void Metrics::counter_of(std::string_view name, std::string_view help,
                         std::function<std::uint64_t()> read, Labels labels) {
  const std::lock_guard lock(families_->mutex);
  families_->add(name, help, MetricType::Counter, labels, [read = std::move(read)](auto& to) {
    to.counter.value = static_cast<double>(read());
  });
}

void Metrics::gauge_of(std::string_view name, std::string_view help,
                       std::function<std::int64_t()> read, Labels labels) {
  const std::lock_guard lock(families_->mutex);
  families_->add(name, help, MetricType::Gauge, labels, [read = std::move(read)](auto& to) {
    to.gauge.value = static_cast<double>(read());
  });
}

std::string Metrics::text() const {
  std::vector<MetricFamily> shown;
  {
    const std::lock_guard lock(families_->mutex);
    for (const Families::Family& family : families_->all) {
      MetricFamily& to =
          shown.emplace_back(MetricFamily{family.name, family.help, family.type, {}});
      for (const Families::Series& series : family.series) {
        ClientMetric& metric = to.metric.emplace_back();
        metric.label = series.labels;
        series.read(metric);
      }
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, shown);
  return std::move(out).str();
}

}  // namespace mxw::service
