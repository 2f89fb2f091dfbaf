// Keeps the memory of a shim small: one exists per session and per server, and all it does is sleep.
#pragma once

namespace shim {

// Before anything large is allocated: what is large gets pages of its own, which go back when it is freed.
void allocate_frugally();

// Before a long sleep: gives back the heap's free pages, the used-up part of the stack, and the program's own
// clean pages, which come back from the page cache when somebody wakes us.
void give_back_memory();

}  // namespace shim
