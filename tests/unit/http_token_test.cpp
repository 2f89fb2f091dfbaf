#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/http/token.h"

TEST_CASE("http token: made once, kept secret, never weak") {
  namespace fs = std::filesystem;
  const fs::path file = fs::temp_directory_path() / ("hearth-token-" + std::to_string(getpid()));
  fs::remove(file);
  const auto first = app::token_in(file);
  REQUIRE(first);
  CHECK(first->size() == 43);
  struct stat status{};
  REQUIRE(stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(app::token_in(file).value() == *first);

  chmod(file.c_str(), 0644);
  CHECK(app::token_in(file).error().what.contains("can be read by others"));
  chmod(file.c_str(), 0600);
  std::ofstream(file) << "short\n";
  CHECK(app::token_in(file).error().what.contains("holds no token"));
  fs::remove(file);
  CHECK(app::token_in(file).value() != *first);
  fs::remove(file);

  CHECK(app::name_of_caller("a") != app::name_of_caller("b"));
  CHECK_FALSE(app::name_of_caller("secret").contains("secret"));
}
