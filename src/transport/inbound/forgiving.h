// What URL clients get wrong without harm, put right before anything looks at the request.
//
// - slashes behind the name of a server, or doubled where a base URL and a path were joined;
// - a field that decides what the request means, and is there several times or as a list, each time with the
//   same value: libraries add what the caller had set already. Different values stay, and are refused;
// - such a field without a value, which says nothing.
#pragma once

#include <string>
#include <string_view>

#include "proto/http.h"

namespace transport {

// "//mcp/files/" → "/mcp/files"; "/" stays.
std::string tidy_path(std::string_view path);

void forgive(proto::HttpRequest& request);

}  // namespace transport
