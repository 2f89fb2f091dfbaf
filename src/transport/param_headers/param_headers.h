// What the tools of one server want to be repeated in Mcp-Param-* fields (2026-07-28, transports), learnt
// from its answers to tools/list.
//
// Says which fields a tools/call carries (towards a server) and whether those it came with agree with its
// body (from a client). Of a tool that annotates its arguments in a way that the protocol forbids it knows
// that instead: it must not be offered.
//
// Raw values are JSON that the envelope scanner has accepted; names of tools are decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "proto/http.h"
#include "transport/param_headers/header_schema.h"

namespace transport {

class ParamHeaders {
 public:
  struct Invalid {
    std::string tool;
    std::string why;
  };
  struct Page {
    std::vector<Invalid> invalid;
    std::string without_them;  // The raw result, if there are any; else empty.
    std::string next_cursor;   // Raw; empty on the last page.
  };

  // One page of the list: the raw result, and the raw cursor of the request that it answers, empty for none.
  Page learn(std::string_view raw_result, std::string_view raw_cursor);
  // The list has changed. What is known of tools stays, until they are learnt anew.
  void changed() { whole_ = false; }
  // The server has no list: there is nothing more to be known.
  void unobtainable() { whole_ = true; }
  // Whether all is known that a call of this tool needs.
  bool knows(std::string_view tool) const { return whole_ || tools_.contains(tool); }
  // Why a tool must not be called; empty if it may.
  std::string_view invalid(std::string_view tool) const;

  // To be sent with a call.
  proto::HttpFields fields(std::string_view tool, std::string_view raw_arguments) const;
  // What is wrong with those that came with a call; empty: nothing. Fields that the tool does not know do not
  // matter.
  std::string mismatch(std::string_view tool, std::string_view raw_arguments,
                       const proto::HttpFields& received) const;

  friend struct base::Fields;

 private:
  struct Tool {
    std::vector<HeaderParam> params;
    std::string invalid;
    std::uint64_t seen = 0;
    static constexpr std::size_t fields = 3;
  };

  void learn_tool(std::string_view raw_tool, Page& page);

  // Only of tools that want fields, or are invalid.
  std::map<std::string, Tool, std::less<>> tools_;
  bool whole_ = false;  // All tools have been seen, page after page.
  std::uint64_t round_ = 0;
  std::string next_cursor_;  // Raw: of the page that goes on with the round; empty if none does.
};

}  // namespace transport

template <>
inline constexpr std::size_t base::count_of<transport::ParamHeaders> = 4;
