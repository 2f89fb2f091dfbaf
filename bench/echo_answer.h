// What the echo server says, whichever way it is asked.
//
// Builds nothing: members are found as positions, `text` goes back as it came. Tools: `echo` returns `text`;
// `blob` returns as many letters as `bytes` says. Trusts its peer to send valid JSON: a measuring tool, not
// an example of how to write a server.
#pragma once

#include <string>
#include <string_view>

namespace bench {

// Appends the answer to `message` to `out`, or nothing when none is due. `out` gets no line end.
void echo_answer(std::string_view message, std::string& out);

}  // namespace bench
