// The request that turns a connection into a session: head and body as one text, built in one go.
//
// Pure. The environment goes along whole, because the daemon needs PATH to resolve the command and decides by
// the rest whether to share. JSON cannot carry what is not UTF-8: such variables stay behind, and their names
// come back for a word to the person; such an argument is refused, because another one would be meant.
// Without a directory that can be named the daemon decides whether the server needs one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/inheritance.h"
#include "base/result.h"

namespace shim {

// What the person asked for: `hearth attach NAME`, or `hearth run -- COMMAND`.
struct Wish {
  std::string_view attach;  // The entry's name; empty: run.
  std::string_view command;
  std::vector<std::string_view> args;
  std::string_view name;                    // Empty: not given.
  std::string_view scope;                   // Empty: not given.
  std::vector<std::string_view> variables;  // --env
  std::vector<std::string_view> ignored;    // --ignore-env

  std::string_view server() const;  // What to call it in sentences.
};

struct Surroundings {
  std::int64_t pid = 0;
  std::string_view directory;
  std::string_view directory_lost = {};  // Why there is none, as the end of a sentence; empty: there is one.
  std::span<const char* const> environment;  // "NAME=value" each.
  const base::Inheritance* inheritance = nullptr;
  std::string_view daemon = {};  // The hearthd of this program's installation; empty: there is none.
};

struct AttachRequest {
  std::string text;
  std::vector<std::string_view> left_out;  // Names of variables whose values are not UTF-8.
};

base::Result<AttachRequest> attach_request(const Wish& wish, const Surroundings& surroundings);

}  // namespace shim
