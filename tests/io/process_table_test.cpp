#include "io/process_table.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/mark.h"
#include "io/process_info.h"
#include "support.h"

using test::Witness;

TEST_CASE("a signal never reaches a process that only has the right number") {
  const test::Helper helper = test::start_helper({"hold"});
  const Witness witness(helper.pid);
  auto process = io::process_of(helper.pid);
  REQUIRE(process);
  CHECK(process->parent == getpid());
  io::Process former = *process;
  former.started -= 1;
  CHECK_FALSE(io::send_signal(former, SIGKILL));
  CHECK(witness.alive());
  CHECK(io::send_signal(*process, SIGKILL));
  CHECK(witness.died());
  process = io::process_of(helper.pid);
  REQUIRE(process);
  CHECK(process->zombie);
  waitpid(helper.pid, nullptr, 0);
  CHECK_FALSE(io::process_of(helper.pid));
}

TEST_CASE("kin by mark, by prefix of it, and by root, without those whose root's number is another's now") {
  const std::string id = io::make_daemon_id();
  const test::Variable mark("HEARTH_INSTANCE", (id + ".7").c_str());
  const test::Helper helper = test::start_helper({"tree", "setsid"});
  const std::size_t below = test::numbers_in(test::read_line(helper.output.get())).size();
  const io::Process root = *io::process_of(helper.pid);
  CHECK(io::mark_in(helper.pid) == id + ".7");
  CHECK(io::kin_of({.mark = id + ".7"}).size() == below + 1);
  CHECK(io::kin_of({.mark = id + '.'}).size() == below + 1);
  CHECK(io::kin_of({.mark = id}).empty());
  CHECK(io::kin_of({.mark = id + ".77"}).empty());
  CHECK(io::kin_of({.roots = {root}}).size() == below + 1);
  io::Process former = root;
  former.started -= 1;
  CHECK(io::kin_of({.roots = {former}}).empty());

  const io::MemoryUse memory = io::memory_of(io::kin_of({.roots = {root}}));
  CHECK(memory.processes == below + 1);
  CHECK(memory.bytes > 0);

  CHECK(io::kill_kin({.mark = id + '.'}, 10) == below + 1);
  CHECK(io::kin_of({.mark = id + '.'}).empty());
  waitpid(helper.pid, nullptr, 0);
}
