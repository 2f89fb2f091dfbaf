#include "io/passed.h"

namespace io {

base::Result<Descriptor> take(Passed passed) {
  if (passed.number < 0) return base::failure("a descriptor was not passed on");
  return adopt(passed.number);
}

}  // namespace io
