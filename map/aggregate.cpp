#include "map/aggregate.hpp"

#include "core/base/json_writer.hpp"

namespace mxw::map {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

void write_patterns(JsonWriter& json, const std::vector<std::string>& patterns) {
  json.key("mx").begin_array();
  for (std::size_t i = 0; i < patterns.size() && i < kPatternsInLine; ++i) json.string(patterns[i]);
  json.end_array();
}

void write_line(std::string& out, const Tally::Line& line, const Span& span, const MapNames& names,
                const PatternsOf& patterns) {
  JsonWriter json(out);
  json.begin_object().member("v", 1).member("time", format_rfc3339(span.begin));
  json.member("seconds", (span.length + kSecond / 2) / kSecond);
  if (!line.domain.empty()) json.member("domain", line.domain);
  const bool named = line.map < names.size();
  json.member("map", named ? std::string_view(names.name(line.map)) : std::string_view());
  json.member("kind", name(line.kind));
  json.member("answer", name(line.answer.said)).member("would_be", name(line.answer.would_be));
  json.member("basis", line.other ? std::string_view("other") : name(line.answer.basis));
  json.member("held", name(line.answer.held)).member("count", line.count);
  const bool matched = line.answer.would_be == Word::secure || line.answer.basis == Basis::testing;
  if (matched && !line.domain.empty()) write_patterns(json, patterns(line.domain));
  json.end_object();
  out += '\n';
}

}  // namespace

std::string lines_of(const Tally& tally, Span span, const MapNames& names,
                     const PatternsOf& patterns) {
  std::string out;
  tally.for_each([&](const Tally::Line& line) { write_line(out, line, span, names, patterns); });
  return out;
}

void append_tally(LineFile& file, const Tally& tally, Span span, const MapNames& names,
                  const PatternsOf& patterns) {
  std::string piece;
  tally.for_each([&](const Tally::Line& line) {
    write_line(piece, line, span, names, patterns);
    if (piece.size() < kPieceBytes) return;
    file.append(piece);
    piece.clear();
  });
  file.append(piece);
}

}  // namespace mxw::map
