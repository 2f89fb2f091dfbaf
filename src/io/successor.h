// What goes on in the place of this program: another program in the same process, with what is passed on; or
// another process (io/handover.h).
//
// With another program, first a trial: it is started beside us with the arguments and the state that it would
// get, and says whether it can go on from them. Then exec: descriptors that are passed on keep their numbers
// (io/passed.h), all others are closed, signals wait until the program takes them (let_signals_in). Servers
// notice nothing: their parent is the guard (io/guard.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "io/memory_file.h"

namespace io {

// Why it must not be run by us, as a sentence: it is no program, or somebody else may write to it.
std::optional<base::Error> unfit(const std::string& program);

class Successor {
 public:
  // Once, in a later turn: whether it can go on from a state.
  using Told = std::function<void(std::optional<base::Error>)>;

  explicit Successor(Loop& loop) : loop_(loop) {}
  virtual ~Successor() = default;
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  // Shows it the state as it is now, of which it does nothing. It may be asked again.
  virtual base::Result<void> try_it(const Descriptor& state, base::Duration patience, Told told) = 0;
  // It is not what was tried any more.
  virtual bool changed() const = 0;
  // Does not return unless it fails: then all is as before, signals included.
  virtual base::Error take_over(const Descriptor& state, std::vector<int> descriptors) = 0;
  // It will not take over.
  virtual void refuse(const base::Error& why) = 0;

 protected:
  Loop& loop() const { return loop_; }

 private:
  Loop& loop_;
};

// Tells whether a file is still the one that it was.
struct FileMark {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileMark&) const = default;
};
FileMark mark_of_file(const std::string& path);

// `program ARGS… --try 3`, with the file as descriptor 3. It may read it, does nothing, and says "ok" on its
// stdout, or why not.
class Trial {
 public:
  using Told = Successor::Told;

  static base::Result<std::unique_ptr<Trial>> start(Loop& loop, const std::string& program,
                                                    const std::vector<std::string>& args,
                                                    const Descriptor& file, base::Duration patience,
                                                    Told told);
  ~Trial();  // Kills it, if it has said nothing yet.
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

 private:
  Trial(Loop& loop, std::string program, Told told);
  void readable();
  void end(std::optional<base::Error> why);

  std::string program_;
  Told told_;
  pid_t pid_ = 0;  // Reaped with all children of this process.
  Descriptor words_;
  Watch watch_;
  Timer patience_;
  std::string said_;
};

// Does not return unless it fails: then all is as before, signals included.
base::Error become(const std::string& program, const std::vector<std::string>& args,
                   std::span<const int> passed);

// A program that this process becomes, with `arguments` and further ones that name the state.
class OtherProgram : public Successor {
 public:
  OtherProgram(Loop& loop, std::string program, std::vector<std::string> arguments)
      : Successor(loop), program_(std::move(program)), arguments_(std::move(arguments)) {}
  base::Result<void> try_it(const Descriptor& state, base::Duration patience, Told told) override;
  bool changed() const override { return mark_of_file(program_) != mark_; }
  base::Error take_over(const Descriptor& state, std::vector<int> descriptors) override;
  void refuse(const base::Error& /*why*/) override {}

 private:
  std::string program_;
  std::vector<std::string> arguments_;
  FileMark mark_;  // Of the program, when it was tried.
  std::unique_ptr<Trial> trial_;
};

// Signals wait, but for those that something of ours has caused; and are let in again, by the program, too,
// when it is ready for them. What has come before is heard in the turn of the loop after that.
void hold_signals();
void let_signals_in();

}  // namespace io
