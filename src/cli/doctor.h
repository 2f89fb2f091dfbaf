// `hearth doctor`: what is wrong with this machine, in words, and what mends it. It changes nothing, and
// starts no daemon.
#pragma once

namespace cli {

class Arguments;

int run_doctor(const Arguments& arguments);

}  // namespace cli
