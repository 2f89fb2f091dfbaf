// What a server says in a newer revision than its client's, so that the client can read it.
//
// Only what an older client would get wrong is changed; members that it merely does not know are left, since
// objects are open in every revision. Where nothing has to be changed nothing is copied.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/capabilities.h"
#include "proto/method.h"
#include "proto/revision.h"

namespace face {

// A result, for a client of that revision; absent: it may go as it is. Touched are
// - results and output schemas of tools that are no objects (2026-07-28): {"result": …};
// - links to resources in content (2025-06-18), and sound (2025-03-26): text that names them.
std::optional<std::string> content_for(proto::Revision client, proto::Method method,
                                       std::string_view raw_result);

// The revision in whose words a client reads such questions: its own, or 2025-11-25 if it declares what only
// that has (URLs, tools in sampling), whatever it calls its revision.
proto::Revision questions_of(proto::Revision client, const core::Capabilities& capabilities,
                             proto::Method method);

// The params of a question, for a client of that revision; absent: they may go as they are. The error is the
// sentence for the server: the client would misread it.
// - choices with titles (2025-11-25): a list of values and one of names; choices of several go as they are;
// - sampling messages of several blocks (2025-11-25): a message for each; uses of tools: not to be asked.
std::expected<std::optional<std::string>, std::string> question_for(proto::Revision client,
                                                                    proto::Method method,
                                                                    std::string_view raw_params);

}  // namespace face
