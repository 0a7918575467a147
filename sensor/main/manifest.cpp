#include "sensor/main/manifest.hpp"

#include "core/base/json_writer.hpp"
#include "sensor/sink/output.hpp"

namespace mxw::sensor {
namespace {

void inputs(JsonWriter& json, const sink::RunFacts& facts) {
  json.key("inputs").begin_array();
  for (const capture::FileFacts& in : facts.inputs) {
    json.begin_object().member("name", in.name).member("size", in.size);
    json.member("sha256", in.sha256).member("packets", in.packets);
    if (in.first) json.member("first", format_rfc3339(*in.first));
    if (in.last) json.member("last", format_rfc3339(*in.last));
    if (in.damage) json.member("damage", *in.damage);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

Result<void> write_manifest(const Options& options, const sink::RunFacts& facts,
                            const std::vector<policy::CachedPolicy>& policies,
                            const std::string& output_sha256, const char* format) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("mxwarden_case", 1).member("program", "mxwarden-sensor");
  json.member("version", facts.version).member("commit", facts.commit);
  json.member("rules_sha256", facts.rules_sha256).member("ca", facts.ca_name);
  json.member("ca_sha256", facts.ca_sha256);
  json.key("policies").begin_array();
  for (const policy::CachedPolicy& p : policies) {
    json.begin_object().member("domain", p.domain).member("id", p.id).member("sha256", p.sha256);
    if (p.fetched_at) json.member("fetched_at", format_rfc3339(*p.fetched_at));
    if (p.valid_until) json.member("valid_until", format_rfc3339(*p.valid_until));
    json.end_object();
  }
  json.end_array();
  json.key("arguments").begin_array();
  for (const std::string& argument : options.arguments) json.string(argument);
  json.end_array();
  inputs(json, facts);
  json.key("output").begin_object().member("format", format).member("sha256", output_sha256);
  json.end_object().end_object();
  text += '\n';
  auto out = sink::Output::open(options.manifest_file, false);
  if (!out) return std::unexpected(out.error());
  out->write(text);
  if (!out->finish())
    return fail(ErrorKind::environment, options.manifest_file + ": cannot be written");
  return {};
}

}  // namespace mxw::sensor
