#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

#include "replaced.h"

bool test::replaced = false;

int main(int count, char** arguments) {
  test::replaced = std::any_of(arguments, arguments + count,
                               [](std::string_view argument) { return argument == "--replaced"; });
  return doctest::Context(count, arguments).run();
}
