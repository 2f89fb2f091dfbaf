#include "app/config/expand.h"

#include <doctest/doctest.h>

namespace {

const std::map<std::string, std::string> environment = {
    {"HOME", "/home/u"}, {"EMPTY", ""}, {"TRICK", "${HOME}"}, {"_x1", "low"}, {"project", "not this"}};

std::string expanded(std::string_view text) {
  const auto result = app::expand(text, {.environment = environment, .project = "/p"});
  return result ? *result : "error: " + result.error().what;
}

TEST_CASE("expand: what is expanded, and what is left alone") {
  const struct {
    const char* text;
    std::string result;
  } table[] = {
      {"", ""},
      {"plain", "plain"},
      {"${HOME}", "/home/u"},
      {"a${HOME}b${_x1}c", "a/home/ublowc"},
      {"${project}/data", "/p/data"},
      {"${project:-x}", "/p"},
      {"${UNSET:-else}", "else"},
      {"${UNSET:-}", ""},
      {"${EMPTY}", ""},
      {"${EMPTY:-else}", "else"},
      {"${HOME:-else}", "/home/u"},
      {"${UNSET:-a:-b}", "a:-b"},
      {"${UNSET:-$}{HOME}", "${HOME}"},
      {"${TRICK}", "${HOME}"},
      {"$HOME $ $$ $1 {HOME} }", "$HOME $ $$ $1 {HOME} }"},
      {"$${HOME}", "$/home/u"},
      {"100$", "100$"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    CHECK(expanded(row.text) == row.result);
  }
}

TEST_CASE("expand: what cannot be expanded says what to write") {
  const struct {
    const char* text;
    std::string result;
  } table[] = {
      {"${UNSET}",
       "error: ${UNSET} is not set in the environment of this session; set it there, or write "
       "${UNSET:-default}"},
      {"a ${HOME", "error: a ${ is not closed by }"},
      {"${}", "error: ${} is not understood; write ${NAME}, ${NAME:-default} or ${project}"},
      {"${1x}", "error: ${1x} is not understood; write ${NAME}, ${NAME:-default} or ${project}"},
      {"${HOME-x}", "error: ${HOME-x} is not understood; write ${NAME}, ${NAME:-default} or ${project}"},
      {"${env:HOME}", "error: ${env:HOME} is another client's spelling; write ${HOME}"},
      {"${workspaceFolder}", "error: ${workspaceFolder} is another client's spelling; write ${project}"},
      {"${HOME:-${UNSET}}", "error: ${HOME} has another ${ in its default, which is not supported"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    CHECK(expanded(row.text) == row.result);
  }
  CHECK(expanded("${" + std::string(1000, '-') + "}").size() < 200);
}

}  // namespace
