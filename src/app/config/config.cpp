#include "app/config/config.h"

#include <cerrno>

#include "app/config/server_name.h"
#include "app/config/shown.h"
#include "base/nearest.h"
#include "io/trust.h"

namespace app {
namespace {

std::string names_of_others(const Config& config, std::string_view name) {
  std::vector<std::string_view> known;
  for (const auto& [other, entry] : config.entries) known.push_back(other);
  for (const auto& [other, complaint] : config.refused) known.push_back(other);
  if (known.empty()) return config.complaints.empty() ? "; it has none yet" : "";
  if (const auto meant = base::nearest(name, known)) return "; did you mean " + shown(*meant) + "?";
  constexpr std::size_t shown_max = 10;
  std::string list;
  for (std::size_t i = 0; i < known.size() && i < shown_max; ++i) {
    list += (i == 0 ? "" : ", ") + shown(known[i]);
  }
  return "; it has " + list + (known.size() > shown_max ? ", …" : "");
}

}  // namespace

std::string text_of(const Complaint& complaint) {
  if (complaint.line == 0) return complaint.what;
  return complaint.file + ":" + std::to_string(complaint.line) + ":" + std::to_string(complaint.column) +
         ": " + complaint.what;
}

bool is_error(const Complaint& complaint) {
  return complaint.severity == Severity::error;
}

base::Result<std::string> read_config_text(const std::string& path) {
  TRY(io::check_trusted_directory(path.substr(0, path.rfind('/'))));
  std::string text = TRY(io::read_trusted_file("configuration", path, config_bytes_max + 1));
  if (text.size() <= config_bytes_max) return text;
  return base::failure(path + " is larger than 1 MiB and was not read; is it the right file?", EFBIG);
}

Config config_from(const base::Result<std::string>& text, const std::string& path) {
  if (text) return read_config(*text, path);
  Config config;
  config.path = path;
  config.blank = text.error().code == ENOENT;
  if (!config.blank)
    config.complaints.push_back({Severity::error, path, 0, 0, text.error().what});
  return config;
}

Config load_config(const std::string& path) {
  return config_from(read_config_text(path), path);
}

base::Result<const Entry*> find_entry(const Config& config, std::string_view name) {
  if (const auto refused = config.refused.find(name); refused != config.refused.end()) {
    return base::failure(text_of(refused->second));
  }
  if (const auto found = config.entries.find(name); found != config.entries.end()) {
    if (!found->second.disabled) return &found->second;
    return base::failure("server " + shown(name) + " is disabled; remove disabled from it in " + config.path);
  }
  std::string what =
      "there is no server " + shown(name) + " in " + config.path + names_of_others(config, name);
  // It may well be there, in a part that could not be read.
  for (const Complaint& complaint : config.complaints) {
    if (complaint.severity == Severity::error) {
      what += " (the file has mistakes: " + text_of(complaint) + ")";
      break;
    }
  }
  return base::failure(std::move(what));
}

std::optional<core::Scope> scope_named(std::string_view name) {
  if (name == "user") return core::Scope::user;
  if (name == "project") return core::Scope::project;
  if (name == "session") return core::Scope::session;
  return std::nullopt;
}

}  // namespace app
