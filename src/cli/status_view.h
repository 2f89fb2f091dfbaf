// What the daemon tells of itself, for people: the tables of `hearth status` and the sentences of `hearth
// why`.
//
// Pure: JSON in, text out. Members that are missing are left blank, so that a program and a daemon of
// different versions still understand each other.
#pragma once

#include <string>

#include "proto/json.h"

namespace cli {

std::string status_shown(const proto::json::Value& status);
std::string why_shown(const proto::json::Value& why);

}  // namespace cli
