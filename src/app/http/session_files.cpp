#include "app/http/session_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <utility>

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
  json.key("sseClient").string(record.sse_client);
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
                       .revision = member("revision"),
                       .sse_client = member("sseClient")};
  return record.server.empty() ? std::nullopt : std::optional(record);
}

}  // namespace

std::string SessionFiles::new_id() {
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

base::Result<io::MappedPage> SessionFiles::create(const std::string& id, const SessionRecord& record) const {
  TRY(io::make_private_directory(directory_));
  const std::string path = directory_ + '/' + id;
  io::MappedPage page = TRY(io::MappedPage::create(path + ".journal", proto::journal_bytes));
  if (auto written = io::write_small_file(path + ".json", text_of(record)); !written) {
    unlink((path + ".journal").c_str());
    return std::unexpected(written.error());
  }
  return page;
}

void SessionFiles::update(const std::string& id, const SessionRecord& record) const {
  (void)io::write_small_file(directory_ + '/' + id + ".json", text_of(record));
}

std::optional<SessionFiles::Found> SessionFiles::find(std::string_view id) const {
  if (!well_formed(id)) return std::nullopt;
  const std::string path = directory_ + '/' + std::string(id);
  const auto text = io::read_small_file(path + ".json");
  if (!text) return std::nullopt;
  const auto record = record_of(*text);
  auto page = reopen(std::string(id));
  if (!record || !page) return std::nullopt;
  return Found{*record, std::move(*page)};
}

base::Result<io::MappedPage> SessionFiles::reopen(const std::string& id) const {
  return io::MappedPage::reopen(directory_ + '/' + id + ".journal", proto::journal_bytes);
}

void SessionFiles::forget(const std::string& id) const {
  for (const char* ending : {".json", ".json.new", ".journal"})
    unlink((directory_ + '/' + id + ending).c_str());
}

// The record's time says when the session was used; a journal without one has only its own.
std::vector<SessionFiles::Aged> SessionFiles::all_by_age() const {
  std::vector<Aged> all;
  DIR* directory = opendir(directory_.c_str());
  if (directory == nullptr) return all;
  std::map<std::string, std::pair<bool, std::time_t>> found;  // By id: whether it has a record, and the time.
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    const std::string_view id = name.substr(0, std::min(name.size(), id_length));
    struct stat status{};
    if (!well_formed(id) || fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const bool record = name.substr(id_length) == ".json";
    auto& [has_record, used] = found[std::string(id)];
    if (record || !has_record) used = record ? status.st_mtime : std::max(used, status.st_mtime);
    has_record |= record;
  }
  closedir(directory);
  for (const auto& [id, about] : found) all.push_back({about.second, id});
  std::ranges::sort(all);
  return all;
}

std::vector<std::string> SessionFiles::older_than(base::Duration keep_for) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(keep_for).count();
  const std::time_t oldest = std::time(nullptr) - seconds;
  std::vector<std::string> found;
  for (Aged& one : all_by_age()) {
    if (one.used < oldest) found.push_back(std::move(one.id));
  }
  return found;
}

std::vector<std::string> SessionFiles::oldest_beyond(std::size_t most) const {
  std::vector<Aged> all = all_by_age();
  std::vector<std::string> found;
  for (std::size_t i = 0; i + most < all.size(); ++i) found.push_back(std::move(all[i].id));
  return found;
}

}  // namespace app
