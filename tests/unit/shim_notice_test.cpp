#include <doctest/doctest.h>

#include <vector>

#include "shim/notice.h"

namespace {

using shim::Notice;
using shim::NoticeReader;

std::vector<std::string> heard(NoticeReader& reader, std::string_view bytes) {
  std::vector<std::string> texts;
  reader.feed(bytes);
  while (const auto notice = reader.next()) {
    texts.push_back((notice->kind == Notice::Kind::end ? "end:" : "say:") + notice->text);
  }
  return texts;
}

TEST_CASE("say and end, in any chunks") {
  const std::string_view lines = "{\"say\": \"h\\u00e9\"}\n{\"later\":1}\nnonsense\n{\"end\": \"bye\"}\n";
  for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
    CAPTURE(cut);
    NoticeReader reader;
    std::vector<std::string> texts = heard(reader, lines.substr(0, cut));
    for (std::string& text : heard(reader, lines.substr(cut))) texts.push_back(std::move(text));
    CHECK(texts == std::vector<std::string>{"say:h\xc3\xa9", "end:bye"});
  }
}

TEST_CASE("an end may have nothing to say") {
  CHECK(shim::notice_in(R"({"end":null})")->kind == Notice::Kind::end);
  CHECK(shim::notice_in(R"({"end":""})")->text.empty());
  CHECK_FALSE(shim::notice_in(R"({"say":null})"));
  CHECK_FALSE(shim::notice_in(R"(["end"])"));
}

TEST_CASE("an endless line is passed over, and what follows is heard") {
  NoticeReader reader;
  CHECK(heard(reader, std::string(NoticeReader::line_max + 1, 'x')).empty());
  CHECK(heard(reader, std::string(NoticeReader::line_max, 'x')).empty());
  CHECK(heard(reader, "x\n{\"say\":\"on\"}\n") == std::vector<std::string>{"say:on"});
}

}  // namespace
