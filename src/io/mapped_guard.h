// Mapped files whose pages may not be had: on a full disk, or one that fails, a store into them raises
// SIGBUS.
//
// While a range is guarded such a page is replaced by an empty one in memory: what is stored there is not
// kept, and the process goes on. SIGBUS from anywhere else ends the process as ever.
#pragma once

#include <cstddef>
#include <span>

namespace io {

// False: too many ranges are guarded already.
[[nodiscard]] bool guard_mapping(std::span<std::byte> range);
void stop_guarding(std::span<std::byte> range);

}  // namespace io
