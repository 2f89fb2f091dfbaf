#include "app/recorder.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/files.h"

namespace {

struct Place {
  Place() {
    std::string name = "/tmp/hearth-recorder-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    directory = name;
  }
  ~Place() { std::filesystem::remove_all(directory); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::string directory;
  std::vector<std::string> said;
  io::Loop loop;

  std::unique_ptr<app::Recorder> record(const app::RecordWish& wish) {
    auto made = app::Recorder::start(loop, wish, {.version = "7", .contents = {}, .begun = {}, .options = {}},
                                     [this](std::string sentence) { said.push_back(std::move(sentence)); });
    REQUIRE_MESSAGE(made.has_value(), made.error().what);
    return std::move(*made);
  }
};

std::vector<std::string> lines_of(const std::string& file) {
  const std::string text = io::read_small_file(file, std::size_t{1} << 20).value();
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    REQUIRE(end != std::string::npos);
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("a recorder writes a header, what it is told, and why it ends") {
  Place place;
  auto recorder = place.record({.file = place.directory + "/file", .directory = {}});
  recorder->note(record::Ticked{}, base::Instant(std::chrono::seconds(1)));
  recorder->note(broker::Event(broker::StopWanted{"files", ""}), base::Instant(std::chrono::seconds(2)));
  recorder->end(base::Instant(std::chrono::seconds(3)));
  const std::vector<std::string> lines = lines_of(recorder->file());
  REQUIRE(lines.size() == 4);
  CHECK(record::read_header(lines[0])->version == "7");
  CHECK(lines[1] == R"({"at":1000000,"what":"tick"})");
  CHECK(lines[2] == R"({"at":2000000,"what":"StopWanted","name":"files","project":""})");
  CHECK(lines[3] == R"({"at":3000000,"what":"end","why":"the daemon ended"})");
  REQUIRE(place.said.size() == 1);
  CHECK(place.said[0].ends_with("/file, without the contents of messages"));
}

TEST_CASE("a recording that has its bytes ends, and what follows is not kept") {
  Place place;
  auto recorder = place.record({.file = {}, .directory = place.directory + "/new", .bytes_max = 4096});
  for (int i = 0; i < 1000; ++i) recorder->note(record::Ticked{}, base::Instant());
  recorder->end(base::Instant());
  const std::vector<std::string> lines = lines_of(recorder->file());
  CHECK(std::filesystem::file_size(recorder->file()) <= 4096);
  CHECK(lines.size() > 90);
  CHECK(lines.back() == R"({"at":0,"what":"end","why":"it has the 4 KiB that it may have"})");
  REQUIRE(place.said.size() == 2);
  CHECK(place.said[1].ends_with("ends: it has the 4 KiB that it may have"));
}
