// How a server of "mcpServers" is spoken to: over its stdin and stdout, at a URL, or on a port that it is
// given.
#include <algorithm>
#include <array>

#include "app/config/config_reader.h"
#include "app/config/shown.h"
#include "app/config/web_url.h"
#include "app/config/words.h"

namespace app {
namespace {

constexpr auto transports = std::to_array<std::string_view>({"stdio", "http", "sse"});

// What other programs call the transports in the files that people copy from.
std::optional<core::Link> link_named(std::string_view type) {
  if (type == "stdio" || type == "local") return core::Link::stdio;
  if (type == "http" || type == "streamable-http" || type == "streamableHttp" || type == "remote")
    return core::Link::streamable;
  if (type == "sse") return core::Link::sse;
  return std::nullopt;
}

bool header_name(std::string_view name) {
  constexpr std::string_view allowed = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || allowed.contains(c);
  });
}

// Fields that Hearth sets by itself for each message. A configured one would contradict it.
bool ours(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>(
      {"accept", "connection", "content-length", "content-type", "host", "last-event-id",
       "mcp-protocol-version", "mcp-session-id", "transfer-encoding"});
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::ranges::find(names, lower) != names.end();
}

}  // namespace

void ConfigReader::server_address(const Member& member, Entry& entry) {
  const Value& value = member.value;
  if (member.key == "url") {
    if (!is(value, Type::string, "url", "\"https://example.org/mcp\"") || !no_zero_byte(value, "url")) return;
    const bool known = is_web_url(value.text);
    // It may come from a variable, and is looked at again when that is known.
    if (!known && !value.text.starts_with("${"))
      return error(value.at, "url of " + owner_ + " must begin with http:// or https://");
    entry.address.url = value.text;
  } else if (member.key == "path") {
    if (!is(value, Type::string, "path", "\"/mcp\"") || !no_zero_byte(value, "path")) return;
    if (!value.text.starts_with('/'))
      return error(value.at, "path of " + owner_ + " must begin with /, like \"/mcp\"");
    entry.address.path = value.text;
  } else if (member.key == "port") {
    server_port(value, entry);
  } else if (member.key == "headers") {
    server_headers(value, entry);
  } else if (member.key == "ca") {
    entry.address.authority = file(member);
  } else if (member.key == "certificate") {
    entry.address.certificate = file(member);
  } else if (member.key == "key") {
    entry.address.key = file(member);
  } else if (member.key == "headersHelper") {
    if (value.type == Type::string) {
      auto words = words_of(value.text);
      if (!words) return error(value.at, "headersHelper of " + owner_ + ": " + words.error().what);
      entry.address.headers_helper = std::move(*words);
    } else {
      entry.address.headers_helper = strings(value, "headersHelper", R"(["my-login", "--headers"])");
    }
    if (entry.address.headers_helper.empty())
      error(value.at, "headersHelper of " + owner_ + " must name a program, like \"my-login --headers\"");
  }
}

void ConfigReader::server_port(const Value& value, Entry& entry) {
  const auto number = value.integer();
  if (number && *number > 0 && *number < 65536) {
    entry.address.port = static_cast<std::uint16_t>(*number);
  } else if (value.type != Type::string || value.text != "auto") {
    error(value.at, "port of " + owner_ + " must be a number from 1 to 65535, like 3100, or auto");
  }
}

void ConfigReader::server_headers(const Value& headers, Entry& entry) {
  if (!is(headers, Type::object, "headers", R"({"Authorization": "Bearer ${TOKEN}"})")) return;
  for (const Member& member : headers.members) {
    const std::string what = shown(member.key) + " in headers of " + owner_;
    if (!header_name(member.key)) {
      error(member.key_at, what + " cannot be the name of a header; write one like \"Authorization\"");
    } else if (ours(member.key)) {
      error(member.key_at, what + " is set by Hearth itself; remove it");
    } else if (member.value.type != Type::string) {
      error(member.value.at, what + " must be a string, not " + std::string(name_of(member.value.type)));
    } else if (member.value.text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      error(member.value.at, what + " must be one line");
    } else {
      entry.address.headers[member.key] = member.value.text;
    }
  }
}

void ConfigReader::server_kind(const Member& member, Entry& entry) {
  std::optional<core::Link> said;
  for (const std::string_view key : {"type", "transport"}) {
    const Value* value = member.value.find(key);
    if (value == nullptr) continue;
    const auto link = value->type == Type::string ? link_named(value->text) : std::nullopt;
    if (!link) {
      (void)word(*value, key, transports);
    } else if (said && *said != *link) {
      error(value->at, shown(key) + " of " + owner_ + " contradicts its type; remove one of the two");
    } else {
      said = link;
    }
  }
  const bool runs = member.value.find("command") != nullptr;
  const Value* url = member.value.find("url");
  if (url != nullptr && !runs) {
    entry.address.link = said.value_or(core::Link::streamable);
    remote_kind(member, entry);
    return;
  }
  if (url != nullptr) warning(url->at, "url of " + owner_ + " is ignored, because it has a command");
  if (!runs && !garbled_.contains(member.key)) {
    const bool remote = said && *said != core::Link::stdio;
    error(member.key_at,
          owner_ + (remote ? " has no url; add where it is, like \"url\": \"https://example.org/mcp\""
                           : " has no command; add the program to run, like \"command\": \"npx\""));
  }
  entry.address.link = said.value_or(core::Link::stdio);
  entry.address.url.clear();
  started_kind(member, entry);
}

void ConfigReader::remote_kind(const Member& member, Entry& entry) {
  const Value* certificate = member.value.find("certificate");
  const Value* its_key = member.value.find("key");
  if ((certificate == nullptr) != (its_key == nullptr)) {
    error((certificate != nullptr ? certificate : its_key)->at,
          owner_ + " has a " + (certificate != nullptr ? "certificate" : "key") + " and no " +
              (certificate != nullptr ? "key" : "certificate") +
              "; a server that asks for a client certificate needs both, as files in PEM");
  }
  if (entry.address.link == core::Link::stdio) {
    error(member.value.find("url")->at,
          owner_ + " has a url, so its type must be http or sse; or give it a command");
  }
  for (const std::string_view key : {"args", "env", "cwd", "port", "path", "limits"}) {
    if (const Value* unused = member.value.find(key))
      warning(unused->at, shown(key) + " of " + owner_ + " is ignored, because it has a url and no command");
  }
}

void ConfigReader::started_kind(const Member& member, Entry& entry) {
  for (const std::string_view key : {"ca", "certificate", "key"}) {
    if (const Value* unused = member.value.find(key))
      warning(unused->at, shown(key) + " of " + owner_ + " is ignored, because it has no url");
  }
  if (entry.address.link != core::Link::stdio) {
    if (entry.address.path.empty())
      entry.address.path = entry.address.link == core::Link::sse ? "/sse" : "/mcp";
    return;
  }
  for (const std::string_view key : {"port", "path", "headers", "headersHelper"}) {
    if (const Value* unused = member.value.find(key)) {
      warning(unused->at,
              shown(key) + " of " + owner_ +
                  " is ignored, because it speaks over stdin and stdout; add \"transport\": \"http\" "
                  "if it is to listen on a port");
    }
  }
}

}  // namespace app
