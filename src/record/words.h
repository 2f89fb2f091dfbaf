// The words of the protocol: what a recording without contents may show as it is.
//
// Everything that the specification itself spells out, of every revision, and nothing else: member names,
// methods, revisions, and the values of its enumerations. Whatever stands in a message beside these words was
// put there by a client, a server or a person.
#pragma once

#include <string_view>

namespace record {

bool is_word(std::string_view text);

// Members whose numbers the protocol defines: ids, tokens, codes, times, progress.
bool has_plain_number(std::string_view member);
// Members that name a message, a request or a stream, by number or by text.
bool names_request(std::string_view member);
// Members below which everything belongs to whoever wrote it, so that no number there is the protocol's.
bool holds_contents(std::string_view member);

// Programs that start others, as people know them: "npx".
bool is_launcher(std::string_view program);

}  // namespace record
