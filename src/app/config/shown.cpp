#include "app/config/shown.h"

#include "proto/json.h"

namespace app {

std::string shown(std::string_view word) {
  const std::string quoted = proto::json::quoted(word);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace app
