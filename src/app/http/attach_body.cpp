#include "app/http/attach_body.h"

#include "proto/inheritance.h"
#include "proto/json.h"

namespace app {
namespace {

using proto::json::Type;
using proto::json::Value;

base::Result<Value> object_in(std::string_view body) {
  proto::json::Document document = proto::json::parse(body);
  if (!document.root || document.root->type != Type::object) {
    const std::string why = document.mistakes.empty() ? "it is no object" : document.mistakes.front().what;
    return base::failure("the request's body must be a JSON object: " + why);
  }
  return std::move(*document.root);
}

std::vector<std::string> strings_in(const Value* list) {
  std::vector<std::string> all;
  if (list == nullptr) return all;
  for (const Value& item : list->items) all.push_back(item.text);
  return all;
}

}  // namespace

base::Result<AttachBody> read_attach_body(std::string_view body) {
  const Value root = TRY(object_in(body));
  AttachBody attach;
  attach.version = root.string_or("version", "");
  attach.daemon = root.string_or("daemon", "");
  if (const Value* pid = root.find("pid")) attach.pid = pid->integer().value_or(0);
  attach.wish.cwd = root.string_or("cwd", "");
  attach.wish.cwd_lost = root.string_or("cwdLost", "");
  if (attach.wish.cwd_lost.empty() && !attach.wish.cwd.starts_with('/'))
    return base::failure("\"cwd\" must be an absolute path");
  if (const Value* environment = root.find("environment")) {
    for (const proto::json::Member& member : environment->members) {
      attach.wish.environment[member.key] = member.value.text;
    }
  }
  attach.wish.inheritance = proto::read_inheritance(root.find("process"));
  if (const Value* run = root.find("run")) {
    RunWish wish{.command = std::string(run->string_or("command", "")),
                 .args = strings_in(run->find("args")),
                 .name = std::string(run->string_or("name", "")),
                 .scope = std::string(run->string_or("scope", "")),
                 .variables = strings_in(run->find("variables")),
                 .ignored = strings_in(run->find("ignored"))};
    if (wish.command.empty()) return base::failure("\"run\" needs a \"command\"");
    attach.wish.server = std::move(wish);
    return attach;
  }
  const std::string_view name = root.string_or("attach", "");
  if (name.empty()) return base::failure("the request needs \"run\" or \"attach\"");
  attach.wish.server = AttachWish{std::string(name)};
  return attach;
}

base::Result<std::string> read_name_body(std::string_view body) {
  const Value root = TRY(object_in(body));
  const std::string_view name = root.string_or("name", "");
  if (name.empty()) return base::failure("the request needs {\"name\": …}, the name of a server");
  return std::string(name);
}

}  // namespace app
