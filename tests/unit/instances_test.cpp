// The next times of servers: only those that something happened to are looked at.
#include "broker/context/instances.h"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

namespace {

using broker::Instances;
using core::Instance;
using core::InstanceId;

const base::Instant start{std::chrono::hours(1)};
using std::chrono::seconds;

struct Table {
  Instances instances;
  std::size_t looked_at = 0;

  InstanceId with_due(std::optional<base::Instant> due) {
    const InstanceId id = instances.insert({});
    instances.at(id).idle_due = due;
    return id;
  }
  void file() {
    looked_at = 0;
    instances.file_marked([&](const Instance& instance) {
      ++looked_at;
      return instance.idle_due;
    });
  }
};

TEST_CASE_FIXTURE(Table, "only what was looked up to be changed is worked out anew") {
  std::vector<InstanceId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(with_due(start));
  file();
  CHECK(looked_at == 100);
  file();
  CHECK(looked_at == 0);
  (void)std::as_const(instances).at(ids[3]);
  instances.at(ids[5]);
  instances.find(ids[5]);
  file();
  CHECK(looked_at == 1);
}

TEST_CASE_FIXTURE(Table, "the next time is the earliest, whatever became of the others") {
  const InstanceId late = with_due(start + seconds(9));
  const InstanceId early = with_due(start + seconds(1));
  with_due({});
  file();
  CHECK(instances.first_due() == start + seconds(1));
  instances.at(early).idle_due = start + seconds(20);
  file();
  CHECK(instances.first_due() == start + seconds(9));
  instances.erase(late);
  CHECK(instances.first_due() == start + seconds(20));
  instances.at(early).idle_due.reset();
  file();
  CHECK_FALSE(instances.first_due());
}

TEST_CASE_FIXTURE(Table,
                  "what is due comes in order of slots, and one that ended meanwhile is not looked at") {
  const InstanceId first = with_due(start + seconds(3));
  const InstanceId second = with_due(start + seconds(2));
  const InstanceId third = with_due(start + seconds(1));
  file();
  CHECK(instances.due(start + seconds(2)) == std::vector{second, third});
  CHECK(instances.due(start + seconds(3)) == std::vector{first, second, third});
  instances.at(second);
  instances.erase(second);
  file();
  CHECK(looked_at == 0);
  CHECK(instances.due(start + seconds(3)) == std::vector{first, third});
  const InstanceId again = with_due({});  // In the slot that became free.
  CHECK(again.index == second.index);
  file();
  CHECK(instances.due(start + seconds(9)) == std::vector{first, third});
}

TEST_CASE_FIXTURE(Table, "one that takes the place of another that was just looked at is worked out, too") {
  const InstanceId gone = with_due(start);
  instances.erase(gone);
  const InstanceId next = with_due(start + seconds(1));
  CHECK(next.index == gone.index);
  file();
  CHECK(instances.first_due() == start + seconds(1));
}

}  // namespace
