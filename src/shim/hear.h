// Waiting for the daemon's answer, for as long as the daemon lives.
//
// An answer may take its time: a server has to end, a disk is cold. A daemon that hangs (it was suspended, it
// waits for a dead disk) never answers. So after some silence the daemon is asked for a sign of life on
// another connection, which it gives whatever else it has to do.
#pragma once

#include "base/time.h"
#include "io/paths.h"
#include "shim/answer.h"

namespace shim {

struct Patience {
  base::Duration silence;  // Then a sign of life is asked for,
  base::Duration pulse;    // and waited for.
  base::Duration whole;    // Of a daemon that gives signs of life.
};
// Five seconds until a person is told that the daemon hangs. Stopping a stubborn server takes its time.
inline constexpr Patience of_a_person{std::chrono::seconds(3), std::chrono::seconds(2),
                                      std::chrono::seconds(60)};
// A client gives a server ten seconds at least. For five the daemon may wait itself, for a program that does
// not start.
inline constexpr Patience of_a_session{std::chrono::seconds(4), std::chrono::seconds(4),
                                       std::chrono::seconds(30)};

// Until the answer is there, the connection is over, the daemon hangs, or the whole time has passed. In the
// last two cases the answer is not complete and not broken either.
AnswerReader hear_answer(const io::Paths& paths, int connection, const Patience& patience);

inline bool is_awaited(const AnswerReader& answer) {
  return answer.state() == AnswerReader::State::head || answer.state() == AnswerReader::State::body;
}

}  // namespace shim
