// How servers say that they do not know a session, other than by 404: 400 or 410, in the words of sample code
// that has been copied a lot.
//
// "Bad Request: No valid session ID provided", "Invalid or missing session ID", "Session 1f… not found", "No
// transport found for sessionId", "Session has expired", "Server not initialized".
#pragma once

#include <string_view>

namespace transport {

// `body`: a JSON-RPC error, another object with a message, or plain words. `session`: the id that was sent.
bool says_unknown_session(std::string_view body, std::string_view session);

}  // namespace transport
