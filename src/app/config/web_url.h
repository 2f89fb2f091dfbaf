// What can be told of a server's URL by its beginning. Schemes are written in small or capital letters.
#pragma once

#include <string_view>

namespace app {

bool is_web_url(std::string_view url);  // "http://…" or "https://…"
bool is_secure(std::string_view url);   // "https://…"

}  // namespace app
