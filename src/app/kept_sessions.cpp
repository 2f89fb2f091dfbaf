#include "app/kept_sessions.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/ensure.h"
#include "io/files.h"
#include "io/paths.h"
#include "proto/journal.h"
#include "proto/json.h"

namespace app {
namespace {

constexpr std::size_t id_length = 32;

// Also keeps everything else out of file names.
bool well_formed(std::string_view id) {
  return id.size() == id_length &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string text_of(const SessionRecord& record) {
  proto::json::Writer json;
  json.object();
  json.key("server").string(record.server);
  json.key("project").string(record.project);
  json.key("caller").string(record.caller);
  json.key("revision").string(record.revision);
  json.end();
  return json.text();
}

std::optional<SessionRecord> record_of(std::string_view text) {
  const proto::json::Document document = proto::json::parse(text);
  if (!document.root || !document.mistakes.empty()) return std::nullopt;
  const auto member = [&](std::string_view key) { return std::string(document.root->string_or(key, "")); };
  SessionRecord record{.server = member("server"),
                       .project = member("project"),
                       .caller = member("caller"),
                       .revision = member("revision")};
  return record.server.empty() ? std::nullopt : std::optional(record);
}

}  // namespace

std::string KeptSessions::new_id() {
  std::array<unsigned char, id_length / 2> random{};
  // A session id that could be guessed would be worse than no daemon.
  ensure(getentropy(random.data(), random.size()) == 0);
  std::string id;
  for (const unsigned char byte : random) {
    constexpr std::string_view digits = "0123456789abcdef";
    id += digits[byte >> 4];
    id += digits[byte & 15];
  }
  return id;
}

base::Result<io::MappedPage> KeptSessions::create(const std::string& id, const SessionRecord& record) const {
  TRY(io::make_private_directory(directory_));
  const std::string path = directory_ + '/' + id;
  io::MappedPage page = TRY(io::MappedPage::create(path + ".journal", proto::journal_bytes));
  if (auto written = io::write_small_file(path + ".json", text_of(record)); !written) {
    unlink((path + ".journal").c_str());
    return std::unexpected(written.error());
  }
  return page;
}

void KeptSessions::update(const std::string& id, const SessionRecord& record) const {
  (void)io::write_small_file(directory_ + '/' + id + ".json", text_of(record));
}

std::optional<KeptSessions::Found> KeptSessions::find(std::string_view id) const {
  if (!well_formed(id)) return std::nullopt;
  const std::string path = directory_ + '/' + std::string(id);
  const auto text = io::read_small_file(path + ".json");
  if (!text) return std::nullopt;
  const auto record = record_of(*text);
  auto page = io::MappedPage::reopen(path + ".journal", proto::journal_bytes);
  if (!record || !page) return std::nullopt;
  return Found{*record, std::move(*page)};
}

void KeptSessions::forget(const std::string& id) const {
  unlink((directory_ + '/' + id + ".json").c_str());
  unlink((directory_ + '/' + id + ".journal").c_str());
}

std::vector<std::string> KeptSessions::older_than(base::Duration keep_for) const {
  std::vector<std::string> found;
  DIR* all = opendir(directory_.c_str());
  if (all == nullptr) return found;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(keep_for).count();
  const std::time_t oldest = std::time(nullptr) - seconds;
  while (const dirent* entry = readdir(all)) {
    const std::string name = entry->d_name;
    if (!name.ends_with(".json") || !well_formed(std::string_view(name).substr(0, id_length))) continue;
    struct stat status{};
    if (fstatat(dirfd(all), entry->d_name, &status, 0) == 0 && status.st_mtime < oldest)
      found.push_back(name.substr(0, id_length));
  }
  closedir(all);
  return found;
}

}  // namespace app
