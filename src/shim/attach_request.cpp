#include "shim/attach_request.h"

#include "base/version.h"
#include "proto/inheritance.h"
#include "proto/json.h"
#include "proto/utf8.h"

namespace shim {

namespace {

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = proto::utf8::length_at(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

base::Result<void> check(const Wish& wish) {
  const auto refused = [](std::string_view what) {
    return base::failure(std::string(what) + " is not UTF-8, which is all that can be passed on");
  };
  if (!is_utf8(wish.attach)) return refused("the name of the server");
  if (!is_utf8(wish.name)) return refused("the value of --name");
  if (!is_utf8(wish.command)) return refused("the command");
  for (const std::string_view argument : wish.args) {
    if (!is_utf8(argument)) return refused("an argument of the command");
  }
  for (const std::string_view variable : wish.variables) {
    if (!is_utf8(variable)) return refused("a value of --env");
  }
  for (const std::string_view pattern : wish.ignored) {
    if (!is_utf8(pattern)) return refused("a value of --ignore-env");
  }
  return {};
}

void write_environment(proto::json::Writer& to, std::span<const char* const> environment,
                       std::vector<std::string_view>& left_out) {
  to.key("environment").object();
  for (const std::string_view variable : environment) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, equals);
    if (is_utf8(variable)) {
      to.key(name).string(variable.substr(equals + 1));
    } else {
      left_out.push_back(name);
    }
  }
  to.end();
}

void write_run(proto::json::Writer& to, const Wish& wish) {
  to.key("run").object();
  to.key("command").string(wish.command);
  to.key("args").array();
  for (const std::string_view argument : wish.args) to.string(argument);
  to.end();
  if (!wish.name.empty()) to.key("name").string(wish.name);
  if (!wish.scope.empty()) to.key("scope").string(wish.scope);
  if (!wish.variables.empty()) {
    to.key("variables").array();
    for (const std::string_view variable : wish.variables) to.string(variable);
    to.end();
  }
  if (!wish.ignored.empty()) {
    to.key("ignored").array();
    for (const std::string_view pattern : wish.ignored) to.string(pattern);
    to.end();
  }
  to.end();
}

}  // namespace

std::string_view Wish::server() const {
  if (!attach.empty()) return attach;
  if (!name.empty()) return name;
  return command.substr(command.rfind('/') + 1);
}

base::Result<AttachRequest> attach_request(const Wish& wish, const Surroundings& surroundings) {
  if (base::Result<void> fit = check(wish); !fit) return std::unexpected(fit.error());

  AttachRequest request;
  proto::json::Writer body;
  body.object();
  body.key("version").string(base::version);
  if (!surroundings.daemon.empty() && is_utf8(surroundings.daemon))
    body.key("daemon").string(surroundings.daemon);
  body.key("pid").number(surroundings.pid);
  if (!is_utf8(surroundings.directory)) {
    body.key("cwdLost").string("has a path that is not UTF-8");
  } else if (surroundings.directory_lost.empty()) {
    body.key("cwd").string(surroundings.directory);
  } else {
    body.key("cwdLost").string(surroundings.directory_lost);
  }
  write_environment(body, surroundings.environment, request.left_out);
  if (surroundings.inheritance != nullptr) {
    body.key("process");
    proto::write_inheritance(body, *surroundings.inheritance);
  }
  if (wish.attach.empty()) {
    write_run(body, wish);
  } else {
    body.key("attach").string(wish.attach);
  }
  body.end();

  request.text.reserve(body.text().size() + 192);
  request.text =
      "POST /attach HTTP/1.1\r\n"
      "Host: hearth\r\n"
      "Connection: Upgrade\r\n"
      "Upgrade: hearth-session/1\r\n"
      "Content-Type: application/json\r\n"
      "Content-Length: ";
  request.text.append(std::to_string(body.text().size())).append("\r\n\r\n").append(body.text());
  return request;
}

}  // namespace shim
