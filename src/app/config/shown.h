// Somebody else's word in a sentence for people: a program, a name, a host.
//
// Without quotes: some clients black out whatever stands between quotes in the errors that they show, and the
// sentence loses the one word that it is about. What cannot be printed is escaped, so that a word cannot pass
// for more than it is.
#pragma once

#include <string>
#include <string_view>

namespace app {

std::string shown(std::string_view word);

}  // namespace app
