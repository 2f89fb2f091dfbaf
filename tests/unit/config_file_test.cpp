// What of config.json is in force while it changes, mistakes included.
#include "app/config/config_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

struct Place {
  fs::path directory = fs::temp_directory_path() / ("hearth-config-file-" + std::to_string(getpid()));
  std::string path = directory / "config.json";
  app::ConfigFile file{path};

  Place() {
    fs::remove_all(directory);
    fs::create_directories(directory);
  }
  ~Place() { fs::remove_all(directory); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // The file says that now, and is read. Whether something else is in force now.
  bool says(const std::string& text) {
    std::ofstream(path) << text;
    return file.load().has_value();
  }
  // The command of the entry that is in force, or why there is none.
  std::string command(const char* name) const {
    const auto entry = app::find_entry(file.in_force(), name);
    return entry ? (*entry)->command : entry.error().what;
  }
  std::string complaints() const {
    std::string all;
    for (const app::Complaint& complaint : file.in_force().complaints) {
      std::string text = app::text_of(complaint);
      if (const std::size_t at = text.find(directory.string()); at == 0)
        text = text.substr(directory.string().size() + 1);
      all += (all.empty() ? "" : "\n") + text;
    }
    return all;
  }
};

std::string with(const std::string& entries) {
  return R"({"mcpServers":{)" + entries + "}}";
}

const std::string one = R"("one":{"command":"1"})";
const std::string other = R"("other":{"command":"2"})";

}  // namespace

TEST_CASE("config file: what is written comes into force") {
  Place place;
  CHECK_FALSE(place.says(with(one)));  // The first reading has nothing before it.
  CHECK(place.command("one") == "1");
  CHECK_FALSE(place.says(with(one)));
  std::ofstream(place.path) << with(other);
  const auto before = place.file.load();
  REQUIRE(before);
  CHECK(before->entries.contains("one"));
  CHECK(place.command("other") == "2");
  CHECK_FALSE(place.file.in_force().entries.contains("one"));
}

TEST_CASE("config file: of a file that is no JSON nothing comes into force, and where is said") {
  Place place;
  place.says(with(one));
  CHECK_FALSE(place.says(R"({"mcpServers":{"other":{"command":"2")"));
  CHECK(place.command("one") == "1");
  CHECK_FALSE(place.file.in_force().entries.contains("other"));
  CHECK(place.complaints().starts_with("config.json:1:38: "));
  CHECK(place.complaints().contains("has mistakes; what it held before stays in force"));
  CHECK(place.says(with(one + "," + other)));
  CHECK(place.complaints().empty());
  CHECK(place.command("other") == "2");
}

TEST_CASE("config file: a mistake outside of entries keeps all as it was") {
  Place place;
  place.says(with(one));
  CHECK_FALSE(place.says(R"({"mcpServers":{)" + other + R"(},"defaults":{"idleTimeoutMs":"x"}})"));
  CHECK(place.command("one") == "1");
  CHECK_FALSE(place.file.in_force().entries.contains("other"));
  CHECK(place.complaints().starts_with("config.json:1:69: idleTimeoutMs of defaults"));
}

TEST_CASE("config file: a mistake within an entry keeps that entry as it was") {
  Place place;
  place.says(with(one));
  CHECK(place.says(with(R"("one":{"command":7},)" + other)));
  CHECK(place.command("one") == "1");
  CHECK(place.command("other") == "2");
  CHECK(place.complaints().starts_with("config.json:1:33: "));
  CHECK(place.complaints().ends_with("server one stays as it was before its mistake"));
  // Also over another change of the others,
  CHECK(place.says(with(R"("one":{"command":7},"other":{"command":"3"})")));
  CHECK(place.command("one") == "1");
  CHECK(place.command("other") == "3");
  // and in the next program.
  app::ConfigFile next(place.path);
  next.resume(place.file.saved());
  CHECK_FALSE(next.load());
  CHECK(next.in_force().entries == place.file.in_force().entries);
  // An entry that never was right is refused.
  CHECK(place.says(with(R"("new":{"command":7})")));
  CHECK(place.command("new").contains("config.json:1:33: "));
}

TEST_CASE("config file: one that is empty or gone is no instruction") {
  Place place;
  place.says(with(one));
  CHECK_FALSE(place.says(" \n"));
  CHECK(place.command("one") == "1");
  CHECK(place.complaints().starts_with("config.json is empty; what it held before stays in force"));
  fs::remove(place.path);
  CHECK_FALSE(place.file.load());
  CHECK(place.command("one") == "1");
  CHECK(place.complaints().starts_with("config.json is gone; what it held before stays in force"));
  CHECK(place.says("{}"));
  CHECK(place.file.in_force().entries.empty());
  CHECK(place.complaints().empty());
}

TEST_CASE("config file: none at first is an empty one") {
  Place place;
  CHECK_FALSE(place.file.load());
  CHECK_FALSE(place.file.load());
  CHECK(place.complaints().empty());
  CHECK(place.says(with(one)));
  CHECK(place.command("one") == "1");
}

TEST_CASE("config file: one that others may write is not taken up") {
  Place place;
  place.says(with(one));
  std::ofstream(place.path) << with(other);
  fs::permissions(place.path, fs::perms(0666));
  CHECK_FALSE(place.file.load());
  CHECK(place.command("one") == "1");
  CHECK(place.complaints().contains("can be written by others"));
  CHECK(place.complaints().contains("held before stays in force"));
  fs::permissions(place.path, fs::perms(0600));
  CHECK(place.file.load());
  CHECK(place.command("other") == "2");
}

TEST_CASE("config file: the log has each mistake once, and that they are mended") {
  Place place;
  place.says(with(one));
  CHECK(place.file.news().empty());
  place.says("{");
  const auto news = place.file.news();
  REQUIRE(news.size() == 2);
  CHECK(news[0].text.contains("config.json:1:2: "));
  CHECK(place.file.news().empty());
  place.says(with(one));
  const auto mended = place.file.news();
  REQUIRE(mended.size() == 1);
  CHECK(mended[0].mended);
  CHECK(place.file.news().empty());
}

TEST_CASE("config file: a change that the next program finds is a change to it") {
  Place place;
  place.says(with(one));
  app::ConfigFile next(place.path);
  next.resume(place.file.saved());
  CHECK(next.in_force().entries == place.file.in_force().entries);
  CHECK_FALSE(next.load());
  std::ofstream(place.path) << with(other);
  app::ConfigFile later(place.path);
  later.resume(place.file.saved());
  const auto before = later.load();
  REQUIRE(before);
  CHECK(before->entries.contains("one"));
}
