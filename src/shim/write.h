// Writing that is whole or has failed, and the shim's one way of speaking to a person.
#pragma once

#include <string>
#include <string_view>

namespace shim {

// Waits where the other side does not take more for now, also on a descriptor that somebody made
// non-blocking.
bool write_all(int fd, std::string_view text);

// Each line of the text with "hearth: " before it: clients show what several programs have written.
std::string for_person(std::string_view text);

// That on stderr, in one write, so that the lines of several shims do not mix.
void tell(std::string_view text);

}  // namespace shim
