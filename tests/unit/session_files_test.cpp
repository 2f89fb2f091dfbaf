#include "app/http/session_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "proto/journal.h"

namespace {

namespace fs = std::filesystem;

struct Kept {
  fs::path directory = fs::canonical(fs::temp_directory_path()) / ("hearth-kept-" + std::to_string(getpid()));
  app::SessionFiles sessions{directory.string()};
  Kept() { fs::remove_all(directory); }
  ~Kept() { fs::remove_all(directory); }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
};

const app::SessionRecord record{.server = "files", .project = "/p", .caller = "user 1", .revision = {}};

}  // namespace

TEST_CASE("session files: what is created is found again, by its id only") {
  Kept kept;
  const std::string id = app::SessionFiles::new_id();
  CHECK(id.size() == 32);
  CHECK(id != app::SessionFiles::new_id());
  {
    auto page = kept.sessions.create(id, record);
    REQUIRE(page);
    proto::Journal journal(page->bytes());
    journal.begin();
    journal.call_started("17");
  }
  auto found = kept.sessions.find(id);
  REQUIRE(found);
  CHECK(found->record.server == "files");
  CHECK(found->record.project == "/p");
  CHECK(found->record.caller == "user 1");
  CHECK(proto::Journal(found->page.bytes()).calls() == std::vector<std::string>{"17"});
  CHECK_FALSE(kept.sessions.find(app::SessionFiles::new_id()));
  CHECK_FALSE(kept.sessions.find("../../etc/passwd"));
  CHECK_FALSE(kept.sessions.find(""));
}

TEST_CASE("session files: only their owner can read them, and they end") {
  Kept kept;
  const std::string id = app::SessionFiles::new_id();
  REQUIRE(kept.sessions.create(id, record));
  CHECK_FALSE(kept.sessions.create(id, record));
  struct stat status{};
  REQUIRE(stat(kept.directory.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  for (const auto& file : fs::directory_iterator(kept.directory)) {
    REQUIRE(stat(file.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  kept.sessions.forget(id);
  CHECK(fs::is_empty(kept.directory));
  CHECK_FALSE(kept.sessions.find(id));
}

TEST_CASE("session files: the old ones are known by their record's age") {
  Kept kept;
  const std::string old = app::SessionFiles::new_id();
  const std::string young = app::SessionFiles::new_id();
  REQUIRE(kept.sessions.create(old, record));
  REQUIRE(kept.sessions.create(young, record));
  fs::last_write_time(kept.directory / (old + ".json"),
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(kept.sessions.older_than(std::chrono::minutes(30)) == std::vector<std::string>{old});
  kept.sessions.update(old, record);
  CHECK(kept.sessions.older_than(std::chrono::minutes(30)).empty());
}

TEST_CASE("session files: a damaged file is no session") {
  Kept kept;
  const std::string id = app::SessionFiles::new_id();
  REQUIRE(kept.sessions.create(id, record));
  std::ofstream(kept.directory / (id + ".json")) << "{\"server\":";
  CHECK_FALSE(kept.sessions.find(id));
  kept.sessions.update(id, record);
  CHECK(kept.sessions.find(id));
  fs::resize_file(kept.directory / (id + ".journal"), 10);
  CHECK_FALSE(kept.sessions.find(id));
}

TEST_CASE("session files: a journal takes no more of the disk than is written to it") {
  Kept kept;
  const std::string id = app::SessionFiles::new_id();
  auto page = kept.sessions.create(id, record);
  REQUIRE(page);
  proto::Journal journal(page->bytes());
  journal.begin();
  journal.call_started("17");
  journal.set_setup("set up");
  struct stat status{};
  REQUIRE(stat((kept.directory / (id + ".journal")).c_str(), &status) == 0);
  CHECK(status.st_size == static_cast<off_t>(proto::journal_bytes));
  CHECK(status.st_blocks * 512 <= 64 << 10);
}

TEST_CASE("session files: half of a session that was never finished is known by its own age") {
  Kept kept;
  fs::create_directory(kept.directory);
  const std::string id = app::SessionFiles::new_id();
  std::ofstream(kept.directory / (id + ".journal")) << "x";
  std::ofstream(kept.directory / (id + ".json.new")) << "x";
  std::ofstream(kept.directory / "something else") << "x";
  CHECK(kept.sessions.older_than(std::chrono::minutes(30)).empty());
  for (const char* ending : {".journal", ".json.new"})
    fs::last_write_time(kept.directory / (id + ending),
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(kept.sessions.older_than(std::chrono::minutes(30)) == std::vector<std::string>{id});
  kept.sessions.forget(id);
  CHECK_FALSE(kept.sessions.any());
}

TEST_CASE("session files: the oldest make room") {
  Kept kept;
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(app::SessionFiles::new_id());
    REQUIRE(kept.sessions.create(ids.back(), record));
    fs::last_write_time(kept.directory / (ids.back() + ".json"),
                        fs::file_time_type::clock::now() - std::chrono::hours(10 - i));
  }
  CHECK(kept.sessions.oldest_beyond(4).empty());
  CHECK(kept.sessions.oldest_beyond(2) == std::vector<std::string>{ids[0], ids[1]});
}
