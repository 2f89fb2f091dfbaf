#include "cli/output.h"

#include <unistd.h>

#include "shim/write.h"

namespace cli {

int show(std::string_view text) {
  return shim::write_all(STDOUT_FILENO, text) ? exit_ok : exit_failure;
}

int complain(std::string_view text) {
  shim::tell(text);
  return exit_failure;
}

}  // namespace cli
