// The servers and conversations of the broker, and when each of them is next needed.
//
// What has a time in an instance (deadlines.cpp has the list) can be changed by whatever handles an event, in
// many places. No place reports such a change. Instead each instance that was looked up to be changed is
// marked; before a deadline is asked for, the next times of the marked ones are worked out anew, and filed.
// The others cost nothing, however many there are.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/agenda.h"
#include "base/fields.h"
#include "base/slot_map.h"
#include "base/time.h"
#include "broker/action.h"
#include "core/instance.h"

namespace broker {

class Instances {
 public:
  InstanceId insert(core::Instance instance) {
    const InstanceId id = all_.insert(std::move(instance));
    if (filed_.size() <= id.index) filed_.resize(id.index + 1);
    mark(id);
    return id;
  }
  void erase(InstanceId id) {
    file(id, std::nullopt);
    filed_[id.index].marked = false;  // One that comes into its place is marked for itself.
    all_.erase(id);
  }

  // To be changed, or to be looked at only: what is looked up for a change is marked.
  core::Instance* find(InstanceId id) {
    core::Instance* found = all_.find(id);
    if (found != nullptr) mark(id);
    return found;
  }
  const core::Instance* find(InstanceId id) const { return all_.find(id); }
  core::Instance& at(InstanceId id) {
    core::Instance& found = all_.at(id);
    mark(id);
    return found;
  }
  const core::Instance& at(InstanceId id) const { return all_.at(id); }
  template <class Visit>
  void each(Visit&& visit) const {
    all_.each(std::forward<Visit>(visit));
  }
  // Of all that there are now, in order of their slots.
  std::vector<InstanceId> ids() const;

  // Works out `deadline_of(instance)` anew for each that was marked.
  template <class DeadlineOf>
  void file_marked(DeadlineOf&& deadline_of) {
    for (const InstanceId id : std::exchange(marked_, {})) {
      filed_[id.index].marked = false;
      if (const core::Instance* instance = std::as_const(all_).find(id)) file(id, deadline_of(*instance));
    }
  }
  std::optional<base::Instant> first_due() const { return agenda_.first(); }
  // In order of their slots. They stay filed until their times are worked out anew.
  std::vector<InstanceId> due(base::Instant now) const { return agenda_.due(now); }

  static constexpr std::size_t fields = 4;
  friend struct base::Fields;

 private:
  struct Filed {
    bool marked = false;
    std::optional<base::Instant> due;
    static constexpr std::size_t fields = 2;
  };

  void mark(InstanceId id) {
    if (std::exchange(filed_[id.index].marked, true)) return;
    marked_.push_back(id);
  }
  void file(InstanceId id, std::optional<base::Instant> due) {
    agenda_.move(id, std::exchange(filed_[id.index].due, due), due);
  }

  base::SlotMap<core::InstanceTag, core::Instance> all_;
  std::vector<Filed> filed_;  // By index.
  std::vector<InstanceId> marked_;
  base::Agenda<InstanceId> agenda_;
};

}  // namespace broker
