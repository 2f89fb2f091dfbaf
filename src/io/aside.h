// A piece of work in a process of its own, which may hang in our place.
//
// A file on a mount whose server is gone holds whoever opens it, for minutes or for ever, and no flag of
// open() helps. The process that does the work here holds nothing of ours but a pipe: it keeps no lock and no
// connection, and is given up when it is late.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace io {

// What `work` returns: at most `bytes_max` of a text, or its error. ETIMEDOUT if that takes longer than
// `patience`. `work` sees everything as it is now, and changes nothing here. Blocks; one thread only.
base::Result<std::string> aside(const std::function<base::Result<std::string>()>& work, std::size_t bytes_max,
                                base::Duration patience);

}  // namespace io
