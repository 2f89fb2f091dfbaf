// Gives back what starting up dirtied, before a long sleep.
#pragma once

namespace shim {

// The heap's free pages, the unused part of the stack, and the pages of the program itself: they are clean,
// shared with every other shim, and come back from the page cache when somebody wakes us.
void give_back_memory();

}  // namespace shim
