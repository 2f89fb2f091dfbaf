// Takes the daemon's place while there is none: reads the client's lines and answers each request with the
// reason.
//
// First it tidies up after the daemon that died: a half-written line is ended, the calls in flight get their
// error, and what that daemon had begun to read is read to its end. Where a daemon may yet be had, a request
// is the occasion to look for one, at most every few seconds; if one is found, it gets that request and all
// that follows it. After a shutdown the first request is; what the client has said before that and wants no
// answer to goes to that daemon, too.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proto/journal.h"
#include "proto/lines.h"
#include "shim/attach.h"
#include "shim/client.h"
#include "shim/refusing.h"

namespace shim {

class StandIn {
 public:
  StandIn(const AttachSpec& spec, Client& client, Refusal refusal);
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  enum class End { left_unserved, left_at_rest };
  // Until the client leaves or a daemon has taken over.
  std::expected<Attachment, End> run();

 private:
  void tidy_up();
  std::expected<void, End> read_more();
  void answer_lines();
  void keep(std::string_view line);
  bool may_try() const;
  void try_again(const proto::Line& line);
  void adopt(Refusal refusal);
  End left() const;

  const AttachSpec& spec_;
  Client& client_;
  Refusal::Kind kind_ = Refusal::Kind::unavailable;
  Apology apology_;
  proto::Journal journal_;
  proto::LineReader lines_;
  std::string said_at_rest_;  // Lines for the next daemon.
  base::Instant last_try_;
  Attached taken_over_;
};

}  // namespace shim
