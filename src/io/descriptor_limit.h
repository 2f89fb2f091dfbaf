// How many descriptors this process may have, and the last of them, which are kept back.
//
// A new descriptor gets the lowest number that is free. So one whose number is close to the limit says,
// without any counting, that few are left. Sessions are refused from there on, with a sentence; what is left
// over is for that sentence, for `hearth status`, for servers that start again, and for logs.
#pragma once

#include <cstdint>
#include <string>

namespace io {

std::uint64_t descriptor_limit();

// A server that starts needs ten for a moment, a control request one, a log file one. At most a quarter of
// all.
inline constexpr std::uint64_t reserved_descriptors_max = 32;

// Whether `fd`, which has just come into being, is one of those that are kept back.
bool is_reserved(int fd);

// "too many open files (limit 256)".
std::string too_many_open_files();

// The answer to a session for which there are not enough, and its status: not 503, which says "at once
// again".
inline constexpr int no_room_status = 507;
std::string no_room_for_session();

}  // namespace io
