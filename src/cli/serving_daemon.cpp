#include "cli/serving_daemon.h"

#include "cli/control.h"
#include "cli/table.h"
#include "proto/json.h"

namespace cli {

std::string ServingDaemon::starter() const {
  if (started_by == "session") return "a session";
  if (started_by == "serve") return "'hearth serve'";
  if (started_by == "service") return "systemd";
  return "something";
}

ServingDaemon serving_daemon(const io::Paths& paths) {
  const auto answer = ask_daemon(paths, {.target = "/status", .body = {}});
  if (!answer && means_no_daemon(answer.error())) return {};
  ServingDaemon daemon{.runs = true, .pid = "?", .version = {}, .started_by = {}, .trouble = {}};
  if (!answer) {
    daemon.trouble = answer.error().what;
    return daemon;
  }
  const proto::json::Document document = proto::json::parse(answer->body);
  const auto* about = document.root ? document.root->find("daemon") : nullptr;
  if (about == nullptr) {
    daemon.trouble = "the answer of the daemon is not understood";
    return daemon;
  }
  if (const auto* pid = about->find("pid"); pid != nullptr) daemon.pid = printable(pid->text);
  daemon.version = printable(about->string_or("version", ""));
  daemon.started_by = printable(about->string_or("startedBy", ""));
  return daemon;
}

}  // namespace cli
