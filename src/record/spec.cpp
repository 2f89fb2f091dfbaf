#include "record/spec.h"

#include <array>
#include <charconv>
#include <span>

#include "core/call_order.h"

namespace record {
namespace {

using proto::json::Writer;

// In the order of their enums.
constexpr std::array<std::string_view, 3> scopes{"user", "project", "session"};
constexpr std::array<std::string_view, 3> links{"stdio", "streamable", "sse"};
constexpr std::array<std::string_view, 3> interactives{"automatic", "serialise", "split"};
constexpr std::array<std::string_view, 3> orders{"automatic", "many", "one"};
constexpr std::array<std::string_view, 2> roots_rules{"equal", "joint"};

template <class Enum>
std::string_view word(std::span<const std::string_view> words, Enum which) {
  return words[static_cast<std::size_t>(which)];
}

void write_secrets(Writer& into, const Mask& mask, const std::map<std::string, std::string>& values) {
  into.object();
  for (const auto& [name, value] : values) into.key(name).raw(mask.secret(value));
  into.end();
}

std::map<std::string, std::string> read_texts(Fields& from, std::string_view key) {
  std::map<std::string, std::string> all;
  from.members(key,
               [&](const std::string& name, const Value& value) { all[name] = from.text_in(value, name); });
  return all;
}

void write_names(Writer& into, const auto& names) {
  into.array();
  for (const std::string& name : names) into.raw(written_text(name));
  into.end();
}

void write_texts(Writer& into, Mask& mask, const std::vector<std::string>& texts) {
  into.array();
  for (const std::string& text : texts) into.raw(mask.text(text));
  into.end();
}

void write_address(Writer& into, Mask& mask, const core::Address& address) {
  const auto& [url, port, path, headers, helper, authorities, certificate, key] = address;
  into.object();
  into.key("url").raw(mask.text(url));
  into.key("port").number(port);
  into.key("path").raw(mask.text(path));
  write_secrets(into.key("headers"), mask, headers);
  write_texts(into.key("headersHelper"), mask, helper);
  write_texts(into.key("authorities"), mask, authorities);
  into.key("certificate").raw(mask.text(certificate));
  into.key("key").raw(mask.text(key));
  into.end();
}

core::Address read_address(Fields from) {
  return {.url = from.text("url"),
          .port = from.number<std::uint16_t>("port"),
          .path = from.text("path"),
          .headers = read_texts(from, "headers"),
          .headers_helper = from.texts<std::vector<std::string>>("headersHelper"),
          .authorities = from.texts<std::vector<std::string>>("authorities"),
          .certificate = from.text("certificate"),
          .key = from.text("key")};
}

// Unlimited is null. Limits are unsigned, and numbers of JSON are read as signed ones.
void write_limit(Writer& into, const std::optional<std::uint64_t>& limit) {
  if (limit) {
    into.string(std::to_string(*limit));
  } else {
    into.null();
  }
}

std::optional<std::uint64_t> read_limit(Fields& from, const Value& value) {
  if (value.type == Type::null) return std::nullopt;
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), limit);
  if (value.type != Type::string || error != std::errc() || *end != '\0')
    from.trouble() = "a limit is no number";
  return limit;
}

void write_inheritance(Writer& into, Mask& mask, const base::Inheritance& inheritance) {
  const auto& [settings, limits, cpus, confines] = inheritance;
  into.object();
  into.key("settings").object();
  for (const auto& [name, value] : settings) into.key(name).number(value);
  into.end();
  into.key("limits").object();
  for (const auto& [name, limit] : limits) {
    const auto& [soft, hard] = limit;
    into.key(name).array();
    write_limit(into, soft);
    write_limit(into, hard);
    into.end();
  }
  into.end();
  into.key("cpus").raw(written_text(cpus));
  into.key("confines").object();
  for (const auto& [name, value] : confines) into.key(name).raw(mask.text(value));
  into.end();
  into.end();
}

base::Inheritance read_inheritance(Fields from) {
  base::Inheritance inheritance;
  from.members("settings", [&](const std::string& name, const Value& value) {
    inheritance.settings[name] = from.number_in(value, name);
  });
  from.members("limits", [&](const std::string& name, const Value& value) {
    if (value.items.size() != 2) {
      from.trouble() = "a limit is no pair";
      return;
    }
    inheritance.limits[name] = {read_limit(from, value.items[0]), read_limit(from, value.items[1])};
  });
  inheritance.cpus = from.text("cpus");
  inheritance.confines = read_texts(from, "confines");
  return inheritance;
}

// Behind placeholders nobody would know a server whose calls go one at a time.
void write_args(Writer& into, Mask& mask, const core::ServerSpec& spec) {
  into.array();
  for (const std::string& arg : spec.args) into.raw(mask.text(arg));
  const std::string_view known = core::known_as(spec);
  if (mask.contents() == Contents::left_out && !known.empty()) into.string(known);
  into.end();
}

}  // namespace

void write_timing(Writer& into, const core::Timing& timing) {
  const auto& [idle, start, ask, stable] = timing;
  into.object();
  into.key("idle").number(idle.count());
  into.key("start").number(start.count());
  into.key("ask").number(ask.count());
  into.key("stable").number(stable.count());
  into.end();
}

core::Timing read_timing(Fields from) {
  return {.idle_timeout = from.duration("idle"),
          .start_timeout = from.duration("start"),
          .ask_timeout = from.duration("ask"),
          .stable_after = from.duration("stable")};
}

namespace {

// Absent ones are left out.
void write_limits(Writer& into, const base::ResourceLimits& limits) {
  const auto& [memory, cpu, processes] = limits;
  into.object();
  if (memory) into.key("memory").number(static_cast<std::int64_t>(*memory));
  if (cpu) into.key("cpu").number(*cpu);
  if (processes) into.key("processes").number(*processes);
  into.end();
}

base::ResourceLimits read_limits(Fields from) {
  base::ResourceLimits limits;
  if (from.has("memory")) limits.memory = from.number<std::uint64_t>("memory");
  if (from.has("cpu")) limits.cpu = from.number<std::uint32_t>("cpu");
  if (from.has("processes")) limits.processes = from.number<std::uint32_t>("processes");
  return limits;
}

}  // namespace

void write_spec(Writer& into, Mask& mask, const core::ServerSpec& spec) {
  const auto& [name, program, args, link, address, directory, scope, scope_directory, environment,
               inheritance, named_variables, ignored_variables, extra_capabilities, interactive, calls, cache,
               probe, asks, roots, cares_for_roots, offer, timing, message_bytes_max, limits, refusal] = spec;
  into.object();
  into.key("name").raw(written_text(name));
  into.key("program").raw(mask.program(program));
  write_args(into.key("args"), mask, spec);
  into.key("link").string(word(links, link));
  if (link != core::Link::stdio) write_address(into.key("address"), mask, address);
  into.key("directory").raw(mask.text(directory));
  into.key("scope").string(word(scopes, scope));
  into.key("scopeDirectory").raw(mask.text(scope_directory));
  into.key("environment").object();
  for (const auto& [variable, value] : environment) into.key(variable).raw(mask.variable(variable, value));
  into.end();
  write_inheritance(into.key("inheritance"), mask, inheritance);
  write_names(into.key("named"), named_variables);
  write_names(into.key("ignored"), ignored_variables);
  write_names(into.key("capabilities"), extra_capabilities);
  into.key("interactive").string(word(interactives, interactive));
  into.key("calls").string(word(orders, calls));
  into.key("cache").boolean(cache);
  into.key("probe").boolean(probe);
  into.key("asks").boolean(asks);
  into.key("roots").string(word(roots_rules, roots));
  into.key("caresForRoots").boolean(cares_for_roots);
  if (offer) into.key("offer").string(proto::name_of(*offer));
  write_timing(into.key("timing"), timing);
  into.key("messageBytesMax").number(static_cast<std::int64_t>(message_bytes_max));
  if (limits.any()) write_limits(into.key("limits"), limits);
  if (!refusal.empty()) into.key("refusal").raw(mask.text(refusal));
  into.end();
}

core::ServerSpec read_spec(Fields from) {
  core::ServerSpec spec;
  spec.name = from.text("name");
  spec.program = from.text("program");
  spec.args = from.texts<std::vector<std::string>>("args");
  spec.link = from.word<core::Link>("link", links);
  if (spec.link != core::Link::stdio) spec.address = read_address(from.object("address"));
  spec.directory = from.text("directory");
  spec.scope = from.word<core::Scope>("scope", scopes);
  spec.scope_directory = from.text("scopeDirectory");
  spec.environment = read_texts(from, "environment");
  spec.inheritance = read_inheritance(from.object("inheritance"));
  spec.named_variables = from.texts<std::set<std::string>>("named");
  spec.ignored_variables = from.texts<std::set<std::string>>("ignored");
  spec.extra_capabilities = from.texts<std::vector<std::string>>("capabilities");
  spec.interactive = from.word<core::Interactive>("interactive", interactives);
  spec.calls = from.word<core::Calls>("calls", orders);
  spec.cache = from.boolean("cache");
  spec.probe = from.boolean("probe");
  spec.asks = from.boolean("asks");
  spec.roots = from.word<core::RootsRule>("roots", roots_rules);
  spec.cares_for_roots = from.boolean("caresForRoots");
  if (from.has("offer")) spec.offer = proto::revision_of(from.text("offer"));
  spec.timing = read_timing(from.object("timing"));
  spec.message_bytes_max = from.number<std::size_t>("messageBytesMax");
  if (from.has("limits")) spec.limits = read_limits(from.object("limits"));
  if (from.has("refusal")) spec.refusal = from.text("refusal");
  return spec;
}

}  // namespace record
