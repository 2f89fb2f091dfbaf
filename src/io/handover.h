// A daemon hands all that it has to another process, which goes on in its place (app/upgrade.h): `hearth
// serve` where a session had started the daemon.
//
// Over a socket of its own beside that for sessions (Paths::handover), which keeps messages apart
// (io/packets.h). It is there while a daemon may be replaced so.
//
//   the daemon                              the other
//                              ◀────────    "hand over"
//   "state", a memory file     ────────▶    reads it, does nothing
//                              ◀────────    "ok", or why it cannot go on
//   "number n n …", these      ────────▶    (several times)
//   "final", a memory file     ────────▶    puts the descriptors at their numbers
//                              ◀────────    "taken", or why not
//   "go"                       ────────▶    is the daemon; the one before exits on the spot, without a
//   goodbye
//
// Until "go" the daemon has lost nothing, and goes on when the other end closes, says anything else, or is
// late: from "number" on everything stands still, for two seconds at most with each step. The other does
// nothing to the world before "go".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/paths.h"
#include "io/successor.h"

namespace io {

// The daemon's side: who asks.
class HandoverListener {
 public:
  using Asked = std::function<void(Descriptor peer)>;
  static base::Result<std::unique_ptr<HandoverListener>> open(Loop& loop, const Paths& paths, Asked asked);
  ~HandoverListener();  // Removes the socket.
  HandoverListener(const HandoverListener&) = delete;
  HandoverListener& operator=(const HandoverListener&) = delete;

 private:
  HandoverListener(Loop& loop, std::string path, Asked asked);
  void connected(Descriptor peer);
  void readable();

  Loop& loop_;
  std::string path_;
  Asked asked_;
  std::unique_ptr<Listener> listener_;
  Descriptor peer_;  // Has not said yet what it wants. A later one takes its place.
  Watch watch_;
};

// The daemon's side: the other process is what it becomes.
class OtherProcess : public Successor {
 public:
  OtherProcess(Loop& loop, Descriptor peer);
  base::Result<void> try_it(const Descriptor& state, base::Duration patience, Told told) override;
  bool changed() const override { return false; }
  base::Error take_over(const Descriptor& state, std::vector<int> descriptors) override;
  void refuse(const base::Error& why) override;

 private:
  void readable();
  void end(std::optional<base::Error> why);

  Descriptor peer_;
  Told told_;
  Watch watch_;
  Timer patience_;
};

// Whether the daemon that runs may be asked.
bool hands_over(const Paths& paths);

// The other's side. Waits, some tens of seconds at most. `can_go_on` is told what the file of a state holds;
// `own` are moved out of the way of what is taken. What comes back is the last state, and then the process is
// the daemon.
base::Result<std::string> take_over_from(
    Descriptor& peer, const std::function<base::Result<void>(const std::string&)>& can_go_on,
    std::vector<Descriptor*> own);

}  // namespace io
